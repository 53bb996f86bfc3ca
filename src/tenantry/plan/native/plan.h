/* The plan kernel: a memory-mapped model file, from raw values to calibrated scores and their reasons.
 *
 * Pure C11 over libc and libm, little-endian, 64-bit. No allocation, no locale, no state but what the caller passes.
 * The file is described in docs/plan-format.md; its Python twin is tenantry/plan/twin.py. Compile without contraction
 * (-ffp-contract=off), so that every machine adds and multiplies alike. */
#ifndef TENANTRY_PLAN_H
#define TENANTRY_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_NONE 0xFFFFFFFFu   /* an absent slot */
#define PLAN_NO_ROW 0xFFFFu     /* an empty bucket of a hash table; a token without a slot */
#define PLAN_NO_EDGE 0xFFu      /* no earlier edge of the same slot */
#define PLAN_MAX_NODES 127
#define PLAN_MAX_OUTPUTS 1024
#define PLAN_MAX_SLOTS 16000
#define PLAN_MAX_TF 16
#define PLAN_TOKEN_BYTES 64
#define PLAN_NUMBER_BYTES 1000
#define PLAN_DATE_BYTES 64
#define PLAN_UNIT_PAIRS 4
#define PLAN_DATE_PARTS 7
#define PLAN_DOMAIN_BYTES 255

enum plan_kind { PLAN_NUMBER, PLAN_DATE, PLAN_CATEGORY, PLAN_TEXT, PLAN_GEO };
enum plan_part { PLAN_WORD, PLAN_EMAIL_DOMAIN, PLAN_URL_DOMAIN, PLAN_PREFIX };
enum plan_op { PLAN_DIFFERENCE, PLAN_RATIO };
enum plan_order { PLAN_YMD, PLAN_MDY, PLAN_DMY };
enum plan_digits { PLAN_NO_DIGITS, PLAN_DAY_DIGITS, PLAN_MONTH_DIGITS, PLAN_SECONDS, PLAN_MILLIS, PLAN_MICROS, PLAN_EXCEL };
enum plan_calibration { PLAN_SIGMOID, PLAN_ISOTONIC, PLAN_SOFTMAX, PLAN_LINEAR, PLAN_EXP };
enum plan_section {
    PLAN_S_COLUMNS, PLAN_S_STRINGS, PLAN_S_SLOTS, PLAN_S_TREES, PLAN_S_NODES, PLAN_S_LEAVES, PLAN_S_ENTRIES, PLAN_S_FLOATS,
    PLAN_S_SHORTS, PLAN_S_DERIVED, PLAN_S_TERMS, PLAN_S_DOUBLES, PLAN_S_RATIOS, PLAN_S_ANCESTORS, PLAN_S_META, PLAN_S_PAIRS, PLAN_SECTIONS
};
#define PLAN_SECTIONS_1 15             /* of version 1, whose header ends there */

typedef struct { uint32_t offset, count; } plan_span;    /* bytes from the start of the file, items */

typedef struct {
    char magic[8];
    uint32_t byte_order, version;
    uint64_t size, checksum;             /* xxh64 with seed 0 over everything after this field */
    uint64_t seed, key;                  /* as given; of the hash tables */
    uint32_t task, calibration, n_outputs, n_slots;
    uint32_t has_linear, term_weights;   /* FLOATS index of terms × outputs */
    uint32_t base, intercept;            /* DOUBLES indices, n_outputs each */
    uint32_t bias, n_bias, knots, n_knots;   /* DOUBLES indices: b; x then y */
    double forest_weight, linear_weight, scale, low, high;
    double tf[PLAN_MAX_TF + 1];          /* weight of a token that occurs n times */
    plan_span section[PLAN_SECTIONS];
} plan_header;

typedef struct {
    uint32_t kind, name, name_bytes, format;      /* decimal comma | unit tail << 1; plan_order; plan_part | bytes << 8;
                                                   * of a list its delimiter */
    uint32_t slot[5];                             /* number: [0]; date: days, month, weekday, day, hour; text: bytes, tokens; geo: lat, lon;
                                                   * a pair: its left and right column, and their inputs */
    uint32_t nulls, n_nulls;                      /* DOUBLES */
    uint32_t entries, n_entries, max_probe, max_bytes;
    uint32_t rows, missing_row, unseen_row;       /* rows of a category's table; known tokens of a text */
    uint32_t slots, n_slots;                      /* SHORTS: the slots of a category; those that any token of a text fills;
                                                   * date: 1 + the slots of year day and week, 0 for none */
    uint32_t token_slots;                         /* SHORTS, rows items */
    uint32_t values, weights, mean;               /* FLOATS: rows × n_slots, or idf; rows × outputs; outputs */
} plan_column;

typedef struct { uint32_t node, leaf; uint16_t n_nodes, output, points, reserved; } plan_tree;
typedef struct { float threshold; uint16_t slot2; uint8_t child[2]; } plan_node;   /* slot2: 2 * slot + default_left */
typedef struct { uint32_t hash, string; uint16_t bytes, row; } plan_entry;
typedef struct { uint16_t slot, left, right, op; } plan_derived;
typedef struct { uint32_t slot; float mean, inv_scale, fill, center; } plan_term;
typedef struct { uint16_t first, second; } plan_owner;   /* raw inputs of a slot; of a derived one two, else the same twice */

typedef struct {
    const plan_entry *entries;
    const char *strings;
    uint64_t key;
    uint32_t n_entries, max_probe, max_bytes;
} plan_table;

typedef struct {                         /* a checked file, with its sections found */
    const plan_header *head;
    const plan_column *columns;
    const char *strings;
    const plan_owner *owners;
    const plan_tree *trees;
    const plan_node *nodes;
    const float *leaves;
    const plan_entry *entries;
    const float *floats;
    const uint16_t *shorts;
    const plan_derived *derived;
    const plan_term *terms;
    const double *doubles;
    const float *ratios;
    const uint8_t *ancestors;
    const plan_column *pairs;            /* categories whose words are the four bytes of two rows */
    uint32_t n_columns, n_pairs, n_inputs, n_outputs, n_slots, max_tokens;
} plan;

/* A column is a view of the same raw input as the one before it: they share the bytes of its name. */
static inline int plan_is_view(const plan *p, uint32_t column) {
    const plan_column *c = p->columns + column;
    return column && c->name == c[-1].name && c->name_bytes == c[-1].name_bytes;
}

#define PLAN_SCRIPTS 'u'    /* a text's format: words of any script; else a list's delimiter, or 0 */

static inline int plan_is_list(const plan_column *c) { return c->kind == PLAN_TEXT && c->format && c->format != PLAN_SCRIPTS; }
static inline int plan_takes_list(const plan_column *c) { return c->kind == PLAN_GEO || plan_is_list(c); }

static inline plan_table plan_table_of(const plan *p, const plan_column *c) {
    return (plan_table){p->entries + c->entries, p->strings, p->head->key, c->n_entries, c->max_probe, c->max_bytes};
}

/* The numbers in `parts` of a row. */
static inline uint32_t plan_parts(const plan *p) { return p->n_columns + p->n_pairs; }

typedef struct {                         /* one record on its way */
    float *x;                            /* 2 per slot: the value twice, or where missing NaN and minus infinity */
    double *linear;                      /* per output: what the columns add to the linear member */
    double *parts;                       /* NULL, or per column and then per pair the same for `output` alone */
    uint16_t *rows;                      /* per column the row of its table; only with pairs */
    uint32_t output;
    uint8_t *counts;                     /* max_tokens, all zero between calls */
    uint16_t *touched;                   /* max_tokens */
} plan_row;

/* open.c: all checks are made here, once; the other functions trust what passed. NULL, or what is wrong. */
const char *plan_open(plan *p, const void *data, size_t size, int verify_checksum);
uint64_t plan_xxh64(const void *data, size_t size);

typedef struct {                         /* how a column writes numbers */
    int decimal_comma, unit_tail, clock;
    plan_table units;                    /* none where n_entries is 0 */
    const double *factors;               /* by the units' rows */
} plan_number_format;

/* numbers.c, dates.c, words.c: text of n bytes of UTF-8 without white space around. */
double plan_parse_number(const char *s, size_t n, const plan_number_format *f);               /* NaN: no number */
double plan_limit_number(double x, const double *nulls, uint32_t n_nulls);                    /* nulls → NaN, clamps */
int plan_parse_date(const char *s, size_t n, int order, int digits, double part[PLAN_DATE_PARTS]);   /* 0: no date */
size_t plan_strip(const char **s, size_t n);
uint64_t plan_hash(const char *s, size_t n, uint64_t key);
uint32_t plan_find(const plan_table *t, const char *s, size_t n);                             /* row or PLAN_NO_ROW */
size_t plan_next_token(const char *s, size_t n, size_t *at, char token[PLAN_TOKEN_BYTES]);    /* 0: none left */
uint32_t plan_count_word(const plan_table *t, const char *s, size_t n, uint8_t *counts, uint16_t *touched, uint32_t known);
uint32_t plan_count_tokens(const plan_table *t, const char *s, size_t n, int scripts, uint8_t *counts, uint16_t *touched, uint32_t *words);
double plan_text_norm(const double *tf, const float *idf, const uint8_t *counts, const uint16_t *touched, uint32_t n);
double plan_text_value(const double *tf, float idf, uint8_t count, double norm);

/* scripts.c: tokens of a text in any script. */
typedef struct { const char *s; size_t n, at; int inside; } plan_words;    /* inside: the character at `at` ended a pair */
size_t plan_next_script_token(plan_words *w, char token[PLAN_TOKEN_BYTES], int *is_word);    /* 0: none left */

/* parts.c: what a category of this format looks up of a word; 0 bytes where it has no such part. */
size_t plan_word_part(const char **s, size_t n, uint32_t format, char buffer[PLAN_DOMAIN_BYTES]);

/* items.c: the items of a list, stripped, and places as degrees of latitude and longitude (0: no place). */
typedef struct { const char *s; size_t n; } plan_text;
typedef struct { const char *s; size_t n, at; char delimiter; int is_array; } plan_items;
plan_items plan_items_of(const char *s, size_t n, char delimiter);
int plan_next_item(plan_items *it, plan_text *item);                                          /* 0: none left */
int plan_place(plan_text lat, plan_text lon, double point[2]);
int plan_parse_place(const char *s, size_t n, double point[2]);

/* encode.c: begin, then one call a column (views too) in order, then finish. */
void plan_begin(const plan *p, plan_row *row);
void plan_put_missing(const plan *p, uint32_t column, plan_row *row);
void plan_put_number(const plan *p, uint32_t column, double x, plan_row *row);                /* number columns only */
void plan_put_text(const plan *p, uint32_t column, const char *s, size_t n, plan_row *row);   /* strips */
void plan_put_list(const plan *p, uint32_t column, const plan_text *items, size_t n, plan_row *row);   /* of lists and places; stripped */
void plan_finish(const plan *p, plan_row *row);

/* score.c */
double plan_term_value(const plan_term *term, double slot);                     /* of a linear term: filled, scaled, clipped */
double plan_margin(const plan *p, uint32_t output, double forest, double linear);    /* from the members' sums */
void plan_margins(const plan *p, const plan_row *row, double *margins);
void plan_calibrate(const plan *p, const double *margins, double *out);

/* explain.c: `sums` has room for plan_explain_floats(p) floats, aligned to 32 bytes; `phi` for one double an input. */
size_t plan_explain_floats(const plan *p);
void plan_explain(const plan *p, const plan_row *row, float *sums, double *phi);

#endif
