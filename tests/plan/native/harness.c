#include "harness.h"
#include "bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long harness_scored;

static void *room(size_t bytes, size_t alignment) {
    void *block = NULL;
    if (posix_memalign(&block, alignment, bytes + !bytes)) harness_fail("no memory");
    return block;
}

void harness_fail(const char *what) {
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

/* The copy ends where the file does, so that the sanitizer sees the first byte read behind it. */
plan *harness_open(const uint8_t *data, size_t size, int verify) {
    plan *p = room(sizeof *p, 16);
    void *copy = room(size, 64);
    memcpy(copy, data, size);
    if (!plan_open(p, copy, size, verify)) return p;
    free(copy);
    free(p);
    return NULL;
}

void harness_close(plan *p) {
    free((void *)(uintptr_t)p->head);
    free(p);
}

/* Each item is a copy of its own, so that the sanitizer sees the first byte read behind it. */
static void put_list(const plan *p, uint32_t k, const cell *c, plan_row *row) {
    plan_text *items = room((c->bytes + 1) * sizeof *items, 16);
    size_t n = 0;
    for (size_t from = 0, at = 0; c->bytes && at <= c->bytes; at++) {
        const char *s = c->text + from;
        char *copy;
        if (at < c->bytes && c->text[at] != HARNESS_ITEM) continue;
        items[n].n = plan_strip(&s, at - from);
        copy = room(items[n].n, 16);
        memcpy(copy, s, items[n].n);
        items[n++].s = copy;
        from = at + 1;
    }
    plan_put_list(p, k, items, n, row);
    while (n) free((void *)(uintptr_t)items[--n].s);
    free(items);
}

static void put(const plan *p, uint32_t k, const cell *c, plan_row *row) {
    if (c->kind == 1 && p->columns[k].kind == PLAN_NUMBER) plan_put_number(p, k, c->number, row);
    else if (c->kind == 2) plan_put_text(p, k, c->text, c->bytes, row);
    else if (c->kind == 3 && plan_takes_list(p->columns + k)) put_list(p, k, c, row);
    else plan_put_missing(p, k, row);
}

static int same(const double *a, const double *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) && !(a[i] != a[i] && b[i] != b[i])) return 0;
    return 1;
}

/* A row in a block, at either end of it, scores as it does alone. */
static void check_block(const plan *p, const plan_row *row, const double *scores) {
    const uint32_t K = p->n_outputs;
    void *bulk = room(plan_bulk_bytes(p), 16), *block = room(plan_block_bytes(p), 16);
    double *out = room(PLAN_BLOCK * K * sizeof *out, 16);
    plan_bulk_prepare(p, bulk);
    plan_block_clear(p, block);
    plan_block_put(p, block, 0, row);
    plan_block_put(p, block, PLAN_BLOCK - 1, row);
    plan_block_score(p, bulk, block, PLAN_BLOCK, out);
    if (!same(out, scores, K) || !same(out + (PLAN_BLOCK - 1) * K, scores, K)) harness_fail("a row scores differently in a block");
    free(bulk);
    free(block);
    free(out);
}

answer harness_score(const plan *p, const cell *cells, uint32_t output) {
    answer a = {room(p->n_outputs * sizeof(double), 16), room(p->n_outputs * sizeof(double), 16),
                room(p->n_inputs * sizeof(double), 16), room(2 * p->n_slots * sizeof(float), 16)};
    float *sums = room(plan_explain_floats(p) * sizeof(float), 32);
    plan_row row = {.x = a.x, .linear = room(p->n_outputs * sizeof(double), 16), .parts = room(plan_parts(p) * sizeof(double), 16),
                    .rows = room(p->n_columns * sizeof(uint16_t), 16),
                    .output = output, .counts = room(p->max_tokens, 16), .touched = room(p->max_tokens * sizeof(uint16_t), 16)};
    memset(row.counts, 0, p->max_tokens);
    harness_scored++;
    plan_begin(p, &row);
    for (uint32_t k = 0; k < p->n_columns; k++) put(p, k, cells + k, &row);
    plan_finish(p, &row);
    plan_margins(p, &row, a.margins);
    plan_calibrate(p, a.margins, a.scores);
    check_block(p, &row, a.scores);
    plan_explain(p, &row, sums, a.phi);
    for (uint32_t i = 0; i < p->max_tokens; i++)
        if (row.counts[i]) harness_fail("a count is left behind");
    free(sums);
    free(row.linear);
    free(row.parts);
    free(row.rows);
    free(row.counts);
    free(row.touched);
    return a;
}

void harness_free(answer *a) {
    free(a->margins);
    free(a->scores);
    free(a->phi);
    free(a->x);
}

int harness_same(const plan *p, const answer *a, const answer *b) {
    return same(a->margins, b->margins, p->n_outputs) && same(a->scores, b->scores, p->n_outputs)
           && same(a->phi, b->phi, p->n_inputs);
}
