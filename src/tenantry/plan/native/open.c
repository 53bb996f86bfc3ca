/* Every check of a plan file, made once: afterwards no index needs one. A file that passes can be scored whatever its
 * figures are (they may be infinite or not numbers), and the work of one record is bounded by the size of the file. */
#include "plan.h"

#include <string.h>

#define ROTATE(x, r) (((x) << (r)) | ((x) >> (64 - (r))))
#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t read8(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static uint64_t round64(uint64_t a, uint64_t x) { return ROTATE(a + x * P2, 31) * P1; }

/* XXH64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */
uint64_t plan_xxh64(const void *data, size_t n) {
    const uint8_t *p = data, *end = p + n;
    uint64_t h = P5;
    if (n >= 32) {
        uint64_t v[4] = {P1 + P2, P2, 0, 0 - P1};
        for (; end - p >= 32; p += 32)
            for (int i = 0; i < 4; i++) v[i] = round64(v[i], read8(p + 8 * i));
        h = ROTATE(v[0], 1) + ROTATE(v[1], 7) + ROTATE(v[2], 12) + ROTATE(v[3], 18);
        for (int i = 0; i < 4; i++) h = (h ^ round64(0, v[i])) * P1 + P4;
    }
    h += n;
    for (; end - p >= 8; p += 8) h = ROTATE(h ^ round64(0, read8(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        uint32_t x;
        memcpy(&x, p, 4);
        h = ROTATE(h ^ (x * P1), 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++) h = ROTATE(h ^ (*p * P5), 11) * P1;
    h ^= h >> 33;
    h *= P2;
    h ^= h >> 29;
    h *= P3;
    return h ^ (h >> 32);
}

static const uint8_t ITEM_BYTES[PLAN_SECTIONS] = {
    sizeof(plan_column), 1, sizeof(plan_owner), sizeof(plan_tree), sizeof(plan_node), 4, sizeof(plan_entry), 4,
    2, sizeof(plan_derived), sizeof(plan_term), 8, 4, 1, 1, sizeof(plan_column)};

/* Bytes of a version's header. */
static size_t header_bytes(uint32_t version) { return sizeof(plan_header) - (version == 1 ? sizeof(plan_span) : 0); }

static uint32_t count_of(const plan *p, int section) { return p->head->section[section].count; }

static int within(const plan *p, int section, uint64_t at, uint64_t count) { return at + count <= count_of(p, section); }

static const void *section_at(const plan *p, int section) {
    return (const char *)p->head + p->head->section[section].offset;
}

static const char *check_header(plan *p, const void *data, size_t size, int verify_checksum) {
    const plan_header *h = data;
    if (size < header_bytes(1)) return "the file is shorter than its header";
    if (memcmp(h->magic, "TNPLAN\r\n", 8)) return "it does not begin as a plan file does";
    if (h->byte_order != 0x01020304) return "its byte order is not this machine's";
    if (h->version < 1 || h->version > 2) return "version";              /* the caller tells this one apart */
    if (size < header_bytes(h->version)) return "the file is shorter than its header";
    if (h->size != size) return "its size is not the one that it states";
    if (verify_checksum && plan_xxh64((const char *)data + 32, size - 32) != h->checksum) return "its checksum is wrong";
    if (h->n_outputs < 1 || h->n_outputs > PLAN_MAX_OUTPUTS) return "its number of outputs is out of range";
    if (h->n_slots > PLAN_MAX_SLOTS) return "it has too many slots";
    if (h->task > 2 || h->calibration > PLAN_EXP || h->has_linear > 1) return "its header has an unknown choice";
    if (h->calibration != PLAN_SOFTMAX && h->n_outputs != 1) return "its calibration does not fit its outputs";
    for (int i = 0; i < (h->version == 1 ? PLAN_SECTIONS_1 : PLAN_SECTIONS); i++) {
        uint64_t end = h->section[i].offset + (uint64_t)h->section[i].count * ITEM_BYTES[i];
        if (end > size || h->section[i].offset % 8) return "a section lies outside the file";
    }
    p->head = h;
    p->n_columns = h->section[PLAN_S_COLUMNS].count;
    p->n_pairs = h->version == 1 ? 0 : h->section[PLAN_S_PAIRS].count;
    p->n_outputs = h->n_outputs;
    p->n_slots = h->n_slots;
    return NULL;
}

static void find_sections(plan *p) {
    p->columns = section_at(p, PLAN_S_COLUMNS);
    p->strings = section_at(p, PLAN_S_STRINGS);
    p->owners = section_at(p, PLAN_S_SLOTS);
    p->trees = section_at(p, PLAN_S_TREES);
    p->nodes = section_at(p, PLAN_S_NODES);
    p->leaves = section_at(p, PLAN_S_LEAVES);
    p->entries = section_at(p, PLAN_S_ENTRIES);
    p->floats = section_at(p, PLAN_S_FLOATS);
    p->shorts = section_at(p, PLAN_S_SHORTS);
    p->derived = section_at(p, PLAN_S_DERIVED);
    p->terms = section_at(p, PLAN_S_TERMS);
    p->doubles = section_at(p, PLAN_S_DOUBLES);
    p->ratios = section_at(p, PLAN_S_RATIOS);
    p->ancestors = section_at(p, PLAN_S_ANCESTORS);
    if (p->n_pairs) p->pairs = section_at(p, PLAN_S_PAIRS);
}

static const char *check_calibration(const plan *p) {
    const plan_header *h = p->head;
    uint32_t K = h->n_outputs, biases = h->calibration == PLAN_ISOTONIC ? 0 : h->calibration == PLAN_SOFTMAX ? K : 1;
    if (!within(p, PLAN_S_DOUBLES, h->base, K)) return "its base margins lie outside";
    if (h->has_linear && !within(p, PLAN_S_DOUBLES, h->intercept, K)) return "its intercepts lie outside";
    if (h->n_bias < biases || !within(p, PLAN_S_DOUBLES, h->bias, h->n_bias)) return "its calibration lies outside";
    if (h->calibration == PLAN_ISOTONIC && !h->n_knots) return "its calibration has no knots";
    if (!within(p, PLAN_S_DOUBLES, h->knots, 2 * (uint64_t)h->n_knots)) return "its calibration lies outside";
    if (!within(p, PLAN_S_FLOATS, h->term_weights, (uint64_t)count_of(p, PLAN_S_TERMS) * K)) return "its terms lie outside";
    for (uint32_t i = 0; i < count_of(p, PLAN_S_TERMS); i++)
        if (p->terms[i].slot >= p->n_slots) return "a linear term reads no slot";
    return NULL;
}

/* A slot is filled by one column, or derived from two. */
static int claim(const plan *p, uint8_t *owned, uint32_t slot) {
    if (slot >= p->n_slots || owned[slot]) return 0;
    return owned[slot] = 1;
}

static const char *check_table(const plan *p, const plan_column *c, uint32_t *next_entry) {
    const plan_entry *e = p->entries + c->entries;
    if (c->entries != *next_entry || !within(p, PLAN_S_ENTRIES, c->entries, c->n_entries)) return "a table lies outside";
    if (c->max_probe > 64 || c->rows >= PLAN_NO_ROW) return "a table is out of range";
    *next_entry += c->n_entries;
    for (uint32_t i = 0; i < c->n_entries; i++) {
        if (e[i].row == PLAN_NO_ROW) continue;
        if (e[i].row >= c->rows || !within(p, PLAN_S_STRINGS, e[i].string, e[i].bytes)) return "a word lies outside";
    }
    return NULL;
}

static const char *check_words(plan *p, const plan_column *c, uint8_t *owned, uint32_t *next_entry) {
    uint64_t K = p->head->has_linear ? p->n_outputs : 0, wide = c->kind == PLAN_CATEGORY ? c->n_slots : 1;
    const char *wrong = check_table(p, c, next_entry);
    if (wrong) return wrong;
    if (!within(p, PLAN_S_SHORTS, c->slots, c->n_slots)) return "a list of slots lies outside";
    for (uint32_t i = 0; i < c->n_slots; i++)
        if (!claim(p, owned, p->shorts[c->slots + i])) return "a slot is out of range or filled twice";
    if (!within(p, PLAN_S_FLOATS, c->values, c->rows * wide) || !within(p, PLAN_S_FLOATS, c->weights, c->rows * K)
        || !within(p, PLAN_S_FLOATS, c->mean, K)) return "a table of values lies outside";
    if (c->kind == PLAN_CATEGORY) {
        if (c->missing_row >= c->rows || c->unseen_row >= c->rows) return "a category lacks its missing or unseen row";
        return NULL;
    }
    if (!within(p, PLAN_S_SHORTS, c->token_slots, c->rows)) return "a list of slots lies outside";
    for (uint32_t i = 0; i < c->rows; i++) {
        uint16_t s = p->shorts[c->token_slots + i];
        if (s != PLAN_NO_ROW && s >= p->n_slots) return "a token's slot is out of range";
    }
    if (c->rows > p->max_tokens) p->max_tokens = c->rows;
    for (int i = 0; i < 2; i++)
        if (c->slot[i] != PLAN_NONE && !claim(p, owned, c->slot[i])) return "a slot is out of range or filled twice";
    return NULL;
}

/* Units: a table of words, and as many factors behind the nulls. */
static const char *check_units(const plan *p, const plan_column *c, uint32_t *next_entry) {
    const char *wrong = check_table(p, c, next_entry);
    if (!wrong && !within(p, PLAN_S_DOUBLES, c->nulls, (uint64_t)c->n_nulls + c->rows)) return "a column's units lie outside";
    return wrong;
}

static int known_format(const plan_column *c, uint32_t version) {
    if (version < 2) return c->format <= (c->kind == PLAN_DATE ? 2 : 3);
    if (c->kind == PLAN_NUMBER) return c->format < 8;
    if (c->kind == PLAN_DATE) return (c->format & 3) <= PLAN_DMY && c->format >> 2 <= PLAN_EXCEL;
    if (c->kind == PLAN_TEXT) return !c->format || c->format == '|' || c->format == ';' || c->format == ',' || c->format == PLAN_SCRIPTS;
    if (c->kind == PLAN_GEO) return !c->format;
    if ((c->format & 255) == PLAN_PREFIX) return c->format >> 8 >= 1 && c->format >> 8 <= 255;
    return c->format < PLAN_PREFIX;
}

static int claim_date(const plan *p, const plan_column *c, uint8_t *owned) {
    for (int i = 0; i < 5; i++)
        if (c->slot[i] != PLAN_NONE && !claim(p, owned, c->slot[i])) return 0;
    return (!c->slots || claim(p, owned, c->slots - 1)) && (!c->n_slots || claim(p, owned, c->n_slots - 1));
}

static const char *check_column(plan *p, uint32_t k, uint8_t *owned, uint32_t *next_entry) {
    const plan_column *c = p->columns + k;
    if (!within(p, PLAN_S_STRINGS, c->name, c->name_bytes)) return "a column's name lies outside";
    if (plan_is_view(p, k) && p->head->version < 2) return "two columns have one name";
    p->n_inputs += !plan_is_view(p, k);
    if (c->kind > (p->head->version == 1 ? PLAN_TEXT : PLAN_GEO) || !known_format(c, p->head->version)) return "a column has an unknown kind";
    if (c->n_nulls > 16 || !within(p, PLAN_S_DOUBLES, c->nulls, c->n_nulls)) return "a column's null numbers lie outside";
    if (c->kind == PLAN_NUMBER && !claim(p, owned, c->slot[0])) return "a slot is out of range or filled twice";
    if (c->kind == PLAN_DATE && !claim_date(p, c, owned)) return "a slot is out of range or filled twice";
    if (c->kind == PLAN_NUMBER && c->n_entries) return check_units(p, c, next_entry);
    for (int i = 0; c->kind == PLAN_GEO && i < 2; i++)
        if (c->slot[i] != PLAN_NONE && !claim(p, owned, c->slot[i])) return "a slot is out of range or filled twice";
    return c->kind == PLAN_CATEGORY || c->kind == PLAN_TEXT ? check_words(p, c, owned, next_entry) : NULL;
}

static const char *check_pair(plan *p, const plan_column *c, uint8_t *owned, uint32_t *next_entry) {
    const char *wrong;
    if (c->kind != PLAN_CATEGORY) return "a pair has an unknown kind";
    for (int side = 0; side < 2; side++)
        if (c->slot[side] >= p->n_columns || p->columns[c->slot[side]].kind != PLAN_CATEGORY || c->slot[2 + side] >= p->n_inputs)
            return "a pair reads no category";
    wrong = check_words(p, c, owned, next_entry);
    for (uint32_t i = 0; !wrong && i < c->n_slots; i++) owned[p->shorts[c->slots + i]] = 2;    /* nothing is derived from it */
    return wrong;
}

static const char *check_columns(plan *p) {
    const uint32_t ops = p->head->version > 1 ? PLAN_RATIO : PLAN_DIFFERENCE;
    uint8_t owned[PLAN_MAX_SLOTS] = {0};
    uint32_t next_entry = 0;
    const char *wrong = NULL;
    for (uint32_t k = 0; !wrong && k < p->n_columns; k++) wrong = check_column(p, k, owned, &next_entry);
    for (uint32_t i = 0; !wrong && i < p->n_pairs; i++) wrong = check_pair(p, p->pairs + i, owned, &next_entry);
    if (wrong) return wrong;
    for (uint32_t i = 0; i < count_of(p, PLAN_S_DERIVED); i++) {
        const plan_derived *d = p->derived + i;
        if (d->op > ops || d->left >= p->n_slots || d->right >= p->n_slots || owned[d->left] != 1 || owned[d->right] != 1
            || !claim(p, owned, d->slot)) return "a derived slot is out of range";
        owned[d->slot] = 2;                              /* nothing is derived from it */
    }
    for (uint32_t s = 0; s < p->n_slots; s++)
        if (!owned[s]) return "a slot is filled by no column";
    if (count_of(p, PLAN_S_SLOTS) != p->n_slots) return "a slot has no owner";
    for (uint32_t s = 0; s < p->n_slots; s++)
        if (p->owners[s].first >= p->n_inputs || p->owners[s].second >= p->n_inputs) return "a slot's owner is out of range";
    return NULL;
}

/* Children follow their parents and have exactly one each, so that every walk ends at a leaf. */
static const char *check_tree(const plan *p, const plan_tree *t) {
    const plan_node *b = p->nodes + t->node;
    const uint8_t *ancestors = p->ancestors + t->node;
    uint8_t seen[256] = {0};
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        if (b[i].slot2 >= 2 * p->n_slots) return "a node reads no slot";
        if (ancestors[i] != PLAN_NO_EDGE && ancestors[i] >= 2 * i) return "a node's earlier edge comes later";
        for (int side = 0; side < 2; side++) {
            uint8_t c = b[i].child[side];
            if (c < 128 ? c <= i || c >= t->n_nodes : c - 128 > t->n_nodes) return "a node's child is out of range";
            if (seen[c]++) return "a node has two parents";
        }
    }
    return NULL;
}

static const char *check_forest(const plan *p) {
    uint64_t node = 0, leaf = 0, nodes = count_of(p, PLAN_S_NODES);
    for (uint32_t i = 0; i < count_of(p, PLAN_S_TREES); i++) {
        const plan_tree *t = p->trees + i;
        const char *wrong;
        if (t->node != node || t->leaf != leaf || t->n_nodes < 1 || t->n_nodes > PLAN_MAX_NODES) return "a tree is out of range";
        if (t->output >= p->n_outputs || (t->points != 4 && t->points != 8)) return "a tree is out of range";
        node += t->n_nodes;
        leaf += t->n_nodes + 1u;
        /* 128 spare nodes at the end let the walk read, and throw away, what stands behind a leaf's number */
        if (node + 128 > nodes || !within(p, PLAN_S_ANCESTORS, 0, node) || !within(p, PLAN_S_RATIOS, 0, 2 * node)
            || !within(p, PLAN_S_LEAVES, 0, leaf)) return "a tree lies outside";
        wrong = check_tree(p, t);
        if (wrong) return wrong;
    }
    for (uint64_t i = node; i < nodes; i++)
        if (p->nodes[i].slot2 != 0) return "a spare node is not empty";
    if (node && !p->n_slots) return "its trees read no slot";
    return NULL;
}

const char *plan_open(plan *p, const void *data, size_t size, int verify_checksum) {
    const char *wrong;
    memset(p, 0, sizeof *p);
    wrong = check_header(p, data, size, verify_checksum);
    if (wrong) return wrong;
    find_sections(p);
    if ((wrong = check_calibration(p))) return wrong;
    if ((wrong = check_columns(p))) return wrong;
    return check_forest(p);
}
