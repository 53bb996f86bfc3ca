/* Plan files of anyone: refused, or scored and explained for hostile records, twice alike. The checksum is not looked at
 * (an attacker repairs it), and the size is set right, so that damage reaches the checks behind them. */
#include "harness.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 4, LONG = 6000 };

static char long_text[LONG], long_list[LONG];

static const cell VALUES[] = {
    {0, 0, NULL, 0},
    {1, 1.5, NULL, 0},
    {1, -1e308, NULL, 0},
    {1, INFINITY, NULL, 0},
    {1, NAN, NULL, 0},
    {2, 0, "", 0},
    {2, 0, "good late", 9},
    {2, 0, "Two year", 8},
    {2, 0, "  $1,234.50 ", 12},
    {2, 0, "1e999", 5},
    {2, 0, "2024-03-05T23:30:00+01:00", 25},
    {2, 0, "3/4/2024", 8},
    {2, 0, "\xE6\x9D\xB1\xE4\xBA\xAC", 6},
    {2, 0, "\xFF\x00\x80 a", 5},
    {2, 0, long_text, LONG},
    {2, 0, "52.5, 13.4", 10},
    {2, 0, "[\"good\", \"late\"]", 16},
    {3, 0, "", 0},
    {3, 0, "late good\037\037 good \037\xFF", 19},
    {3, 0, "52.5\03713.4", 9},
    {3, 0, long_list, LONG},
};
#define N_VALUES (sizeof VALUES / sizeof *VALUES)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    for (int i = 0; i < LONG; i++) {
        long_text[i] = "late good "[i % 10];
        long_list[i] = "late\037good\037"[i % 10];
    }
    return 0;
}

/* A word of the file's own, so that look-ups find something. */
static cell own_word(const plan *p, const plan_column *c, uint32_t pick) {
    const plan_entry *e = p->entries + c->entries + (c->n_entries ? pick % c->n_entries : 0);
    if ((c->kind != PLAN_CATEGORY && c->kind != PLAN_TEXT) || !c->n_entries || e->row == PLAN_NO_ROW) return VALUES[pick % N_VALUES];
    return (cell){plan_takes_list(c) && pick & 1 ? 3 : 2, 0, p->strings + e->string, e->bytes};
}

static void score(const plan *p) {
    cell *cells = malloc((p->n_columns + 1) * sizeof *cells);
    for (uint32_t r = 0; r < RECORDS; r++) {
        uint32_t pick = (uint32_t)p->head->seed + 7 * r;
        answer first, second;
        for (uint32_t k = 0; k < p->n_columns; k++)
            cells[k] = r % 2 ? own_word(p, p->columns + k, pick + k) : VALUES[(pick + k) % N_VALUES];
        first = harness_score(p, cells, r % p->n_outputs);
        second = harness_score(p, cells, r % p->n_outputs);
        if (!harness_same(p, &first, &second)) harness_fail("the same record scores differently");
        harness_free(&first);
        harness_free(&second);
    }
    free(cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    plan *p = harness_open(data, size, 0), *verified = harness_open(data, size, 1);
    if (p) score(p);
    else if (verified) harness_fail("a file opens only with its checksum");
    if (p) harness_close(p);
    if (verified) harness_close(verified);
    return 0;
}

/* --- a mutator that knows the header's directory --- */

static uint64_t state;

static uint32_t below(size_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (uint32_t)((state >> 33) % n) : 0;
}

static uint32_t odd(size_t size) {
    static const uint32_t ODD[] = {0, 1, 2, 3, 15, 16, 17, 64, 65, 126, 127, 128, 255, 256, 0x3E80, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF,
                                   0x10000, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0x80000000, 0xFF800000, 0xFFFFFFF8, 0xFFFFFFFE,
                                   0xFFFFFFFF};
    uint32_t pick = below(sizeof ODD / sizeof *ODD + 2);
    return pick < sizeof ODD / sizeof *ODD ? ODD[pick] : (uint32_t)size - (pick & 4);
}

/* Where to damage the file: a place in the header, or in a section, each as likely whatever its size. */
static size_t place(const uint8_t *data, size_t size) {
    plan_header head;
    uint32_t s = below(PLAN_SECTIONS + 4);
    memcpy(&head, data, sizeof head);
    if (s < PLAN_SECTIONS && head.section[s].offset < size && head.section[s].count) {
        size_t most = size - head.section[s].offset, near = 128 * (size_t)head.section[s].count;
        return head.section[s].offset + below(near < most ? near : most);
    }
    return offsetof(plan_header, seed) + below(sizeof head - offsetof(plan_header, seed));
}

static void damage(uint8_t *data, size_t size) {
    size_t at = place(data, size), width = (size_t)1 << below(4), from = place(data, size);
    uint64_t value = 0;
    at -= at % width;
    if (at + width > size || from + width > size) return;
    switch (below(6)) {
    case 0: value = odd(size); break;
    case 1: memcpy(&value, data + at, width); value += below(33) - UINT64_C(16); break;
    case 2: memcpy(&value, data + at, width); value ^= UINT64_C(1) << below(8 * width); break;
    case 3: memcpy(&value, data + from - from % width, width); break;
    case 4: value = (uint64_t)below(256) << 24 | below(1 << 24); break;
    default: {                                             /* a block from elsewhere, such as a whole column */
        size_t most = size - (at > from ? at : from), n = 1 + below(256);
        memmove(data + at, data + from, n < most ? n : most);
        return;
    }
    }
    memcpy(data + at, &value, width);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    uint64_t stated;
    state = seed;
    if (size < sizeof(plan_header) || !below(50)) {
        size = LLVMFuzzerMutate(data, size, max_size);
    } else {
        for (uint32_t n = below(4) ? 1 : 1 + below(8); n; n--) damage(data, size);
        if (!below(100)) size -= below(size - sizeof(plan_header));
    }
    stated = size;
    if (size >= sizeof(plan_header)) memcpy(data + offsetof(plan_header, size), &stated, sizeof stated);
    return size;
}
