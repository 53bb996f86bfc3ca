/* Raw values to slots, and to what categories and words add to the linear member. */
#include "plan.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void put(plan_row *row, uint32_t slot, double value) {
    if (slot == PLAN_NONE) return;
    row->x[2 * slot] = row->x[2 * slot + 1] = (float)value;
    if (value != value) row->x[2 * slot + 1] = -INFINITY;    /* where missing goes left, it is below every threshold */
}

static void add_linear(const plan *p, uint32_t column, plan_row *row, uint32_t weights, double value) {
    if (!p->head->has_linear) return;
    for (uint32_t k = 0; k < p->n_outputs; k++) row->linear[k] += value * p->floats[weights + k];
    if (row->parts) row->parts[column] += value * p->floats[weights + row->output];
}

/* A row of a table: of a category, or (with the number of columns and pairs before it) of a pair. */
static void put_values(const plan *p, const plan_column *c, uint32_t part, uint32_t table_row, plan_row *row) {
    const float *values = p->floats + c->values + (size_t)table_row * c->n_slots;
    for (uint32_t i = 0; i < c->n_slots; i++) put(row, p->shorts[c->slots + i], values[i]);
    add_linear(p, part, row, c->weights + table_row * p->n_outputs, 1.0);
}

static void put_row(const plan *p, uint32_t column, uint32_t table_row, plan_row *row) {
    if (p->n_pairs) row->rows[column] = (uint16_t)table_row;
    put_values(p, p->columns + column, column, table_row, row);
}

static void put_pair(const plan *p, uint32_t pair, plan_row *row) {
    const plan_column *c = p->pairs + pair;
    const plan_table table = plan_table_of(p, c);
    const uint16_t rows[2] = {row->rows[c->slot[0]], row->rows[c->slot[1]]};
    const uint32_t found = plan_find(&table, (const char *)rows, sizeof rows);
    put_values(p, c, p->n_columns + pair, found == PLAN_NO_ROW ? c->unseen_row : found, row);
}

static void put_word(const plan *p, uint32_t column, const char *s, size_t n, plan_row *row) {
    const plan_column *c = p->columns + column;
    const plan_table table = plan_table_of(p, c);
    char domain[PLAN_DOMAIN_BYTES];
    uint32_t found;
    if (c->format != PLAN_WORD && !(n = plan_word_part(&s, n, c->format, domain))) {
        put_row(p, column, c->missing_row, row);
        return;
    }
    found = plan_find(&table, s, n);
    put_row(p, column, found == PLAN_NO_ROW ? c->unseen_row : found, row);
}

static void put_date(const plan_column *c, const double *part, plan_row *row) {
    for (int i = 0; i < 5; i++) put(row, c->slot[i], part ? part[i] : NAN);
    if (c->slots) put(row, c->slots - 1, part ? part[5] : NAN);
    if (c->n_slots) put(row, c->n_slots - 1, part ? part[6] : NAN);
}

static void put_date_text(const plan *p, const plan_column *c, const char *s, size_t n, plan_row *row) {
    double part[PLAN_DATE_PARTS];
    int known = plan_parse_date(s, n, (int)(c->format & 3), (int)(c->format >> 2), part);
    for (uint32_t i = 0; known && i < c->n_nulls; i++) known = part[0] != p->doubles[c->nulls + i];
    put_date(c, known ? part : NULL, row);
}

static double read_number(const plan *p, const plan_column *c, const char *s, size_t n) {
    const plan_number_format f = {(int)(c->format & 1), (int)(c->format >> 1 & 1), (int)(c->format >> 2 & 1), plan_table_of(p, c),
                                  p->doubles + c->nulls + c->n_nulls};
    return plan_parse_number(s, n, &f);
}

static void put_tokens(const plan *p, uint32_t column, const char *s, size_t n, plan_row *row) {
    const plan_column *c = p->columns + column;
    const plan_table table = plan_table_of(p, c);
    const float *idf = p->floats + c->values;
    uint32_t words, known;
    double norm;
    for (uint32_t i = 0; i < c->n_slots; i++) put(row, p->shorts[c->slots + i], 0.0);
    known = plan_count_tokens(&table, s, n, c->format == PLAN_SCRIPTS, row->counts, row->touched, &words);
    norm = plan_text_norm(p->head->tf, idf, row->counts, row->touched, known);
    for (uint32_t i = 0; i < known; i++) {
        uint32_t token = row->touched[i];
        double value = plan_text_value(p->head->tf, idf[token], row->counts[token], norm);
        uint16_t slot = p->shorts[c->token_slots + token];
        row->counts[token] = 0;
        if (slot != PLAN_NO_ROW) put(row, slot, value);
        add_linear(p, column, row, c->weights + token * p->n_outputs, value);
    }
    put(row, c->slot[0], n ? (double)n : NAN);
    put(row, c->slot[1], n ? (double)words : NAN);
}

/* A list's items, as text or one by one; with neither, the value is missing. */
static void put_items(const plan *p, uint32_t column, plan_items *it, const plan_text *items, size_t n, plan_row *row) {
    const plan_column *c = p->columns + column;
    const plan_table table = plan_table_of(p, c);
    uint32_t known = 0, count = 0;
    plan_text item;
    for (uint32_t i = 0; i < c->n_slots; i++) put(row, p->shorts[c->slots + i], 0.0);
    for (; it && plan_next_item(it, &item); count++)
        known = plan_count_word(&table, item.s, item.n, row->counts, row->touched, known);
    for (size_t i = 0; items && i < n; i++) {
        if (!items[i].n) continue;                     /* they come stripped */
        known = plan_count_word(&table, items[i].s, items[i].n, row->counts, row->touched, known);
        count++;
    }
    for (uint32_t i = 0; i < known; i++) {
        const uint32_t token = row->touched[i];
        const uint16_t slot = p->shorts[c->token_slots + token];
        row->counts[token] = 0;
        if (slot != PLAN_NO_ROW) put(row, slot, 1.0);
        add_linear(p, column, row, c->weights + token * p->n_outputs, 1.0);
    }
    put(row, c->slot[1], it || items ? (double)count : NAN);
}

static void put_place(const plan_column *c, const double *point, plan_row *row) {
    for (int i = 0; i < 2; i++) put(row, c->slot[i], point ? point[i] : NAN);
}

void plan_put_list(const plan *p, uint32_t column, const plan_text *items, size_t n, plan_row *row) {
    const plan_column *c = p->columns + column;
    double point[2];
    if (c->kind == PLAN_TEXT) put_items(p, column, NULL, items, n, row);
    else put_place(c, n == 2 && plan_place(items[0], items[1], point) ? point : NULL, row);
}

void plan_begin(const plan *p, plan_row *row) {
    for (uint32_t k = 0; k < p->n_outputs; k++)
        row->linear[k] = p->head->has_linear ? p->doubles[p->head->intercept + k] : 0.0;
    if (row->parts) memset(row->parts, 0, plan_parts(p) * sizeof *row->parts);
}

void plan_put_missing(const plan *p, uint32_t column, plan_row *row) {
    const plan_column *c = p->columns + column;
    switch (c->kind) {
    case PLAN_NUMBER: put(row, c->slot[0], NAN); break;
    case PLAN_DATE: put_date(c, NULL, row); break;
    case PLAN_CATEGORY: put_row(p, column, c->missing_row, row); break;
    case PLAN_GEO: put_place(c, NULL, row); break;
    default:
        if (plan_is_list(c)) put_items(p, column, NULL, NULL, 0, row);
        else put_tokens(p, column, "", 0, row);
    }
}

void plan_put_number(const plan *p, uint32_t column, double x, plan_row *row) {
    const plan_column *c = p->columns + column;
    put(row, c->slot[0], plan_limit_number(x, p->doubles + c->nulls, c->n_nulls));
}

void plan_put_text(const plan *p, uint32_t column, const char *s, size_t n, plan_row *row) {
    const plan_column *c = p->columns + column;
    n = plan_strip(&s, n);
    if (!n) {
        plan_put_missing(p, column, row);
    } else if (c->kind == PLAN_NUMBER) {
        plan_put_number(p, column, read_number(p, c, s, n), row);
    } else if (c->kind == PLAN_DATE) {
        put_date_text(p, c, s, n, row);
    } else if (c->kind == PLAN_CATEGORY) {
        put_word(p, column, s, n, row);
    } else if (c->kind == PLAN_GEO) {
        double point[2];
        put_place(c, plan_parse_place(s, n, point) ? point : NULL, row);
    } else if (plan_is_list(c)) {
        plan_items items = plan_items_of(s, n, (char)c->format);
        put_items(p, column, &items, NULL, 0, row);
    } else {
        put_tokens(p, column, s, n, row);
    }
}

void plan_finish(const plan *p, plan_row *row) {
    const uint32_t n = p->head->section[PLAN_S_DERIVED].count;
    for (uint32_t i = 0; i < p->n_pairs; i++) put_pair(p, i, row);
    for (uint32_t i = 0; i < n; i++) {
        const plan_derived *d = p->derived + i;
        const float left = row->x[2 * d->left], right = row->x[2 * d->right];
        const float value = d->op == PLAN_DIFFERENCE ? left - right : right == 0.0f ? NAN : left / right;
        put(row, d->slot, value > FLT_MAX ? FLT_MAX : value < -FLT_MAX ? -FLT_MAX : value);
    }
}
