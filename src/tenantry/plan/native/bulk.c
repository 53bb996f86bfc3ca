/* Blocks of rows through one tree after the other.
 *
 * A tree of up to 32 leaves is not walked: every node is asked of every row of the block, four rows an operation, without
 * a branch. A node that sends a row right takes the leaves below its left side off the row's list, one bit each, in
 * order from left to right; the first leaf that is left is the row's (QuickScorer, Lucchese et al. 2015, with rows in
 * place of its features in the inner loop). Larger trees are walked, the rows of the block as lanes.
 *
 * Leaves are added in the order of the trees and terms in theirs, as score.c does, so that the sums are the same. */
#include "bulk.h"

#include <string.h>

typedef float v4f __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

enum { WIDTH = 4, MOST_BITS = 32 };

typedef struct { float threshold; uint32_t at; int32_t keeps; } question;    /* at: slot2 × PLAN_BLOCK; keeps: the leaves but those below the left side */

static uint32_t trees_of(const plan *p) { return p->head->section[PLAN_S_TREES].count; }

static uint32_t nodes_of(const plan *p) {
    const uint32_t n = trees_of(p);
    return n ? p->trees[n - 1].node + p->trees[n - 1].n_nodes : 0;
}

/* Questions of all nodes, then the leaves from left to right. */
size_t plan_bulk_bytes(const plan *p) {
    const size_t nodes = nodes_of(p);
    return nodes * sizeof(question) + (nodes + trees_of(p)) * sizeof(float);
}

/* How many leaves stand below each node; children come after their parents. */
static void count_leaves(const plan_node *b, uint32_t n, uint8_t *below) {
    for (uint32_t i = n; i-- > 0;) {
        const uint8_t l = b[i].child[0], r = b[i].child[1];
        below[i] = (uint8_t)((l < 128 ? below[l] : 1) + (r < 128 ? below[r] : 1));
    }
}

static void prepare_tree(const plan_node *b, uint32_t n, const float *leaf, question *asked, float *ordered) {
    uint8_t below[PLAN_MAX_NODES], first[PLAN_MAX_NODES];
    count_leaves(b, n, below);
    first[0] = 0;                                        /* the leftmost leaf below a node */
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t lefts = b[i].child[0] < 128 ? below[b[i].child[0]] : 1;
        const uint32_t bits = (uint32_t)(((UINT64_C(1) << lefts) - 1) << first[i]);
        asked[i] = (question){b[i].threshold, b[i].slot2 * (uint32_t)PLAN_BLOCK, (int32_t)~bits};
        for (int side = 0; side < 2; side++) {
            const uint8_t c = b[i].child[side], at = (uint8_t)(first[i] + (side ? lefts : 0));
            if (c < 128) first[c] = at;
            else ordered[at] = leaf[c - 128];
        }
    }
}

void plan_bulk_prepare(const plan *p, void *bulk) {
    question *asked = bulk;
    float *ordered = (float *)(asked + nodes_of(p));
    for (uint32_t i = 0; i < trees_of(p); i++) {
        const plan_tree *t = p->trees + i;
        if (t->n_nodes < MOST_BITS) prepare_tree(p->nodes + t->node, t->n_nodes, p->leaves + t->leaf, asked + t->node, ordered + t->leaf);
    }
}

/* Slots by rows, then per row the linear sums, then per output the forest's by row. */
size_t plan_block_bytes(const plan *p) {
    return PLAN_BLOCK * (2 * (size_t)p->n_slots * sizeof(float) + 2 * (size_t)p->n_outputs * sizeof(double));
}

static double *linear_of(const plan *p, void *block) { return (double *)((float *)block + 2 * (size_t)p->n_slots * PLAN_BLOCK); }

void plan_block_clear(const plan *p, void *block) { memset(block, 0, plan_block_bytes(p)); }

void plan_block_put(const plan *p, void *block, uint32_t at, const plan_row *row) {
    const uint32_t n = 2 * p->n_slots;
    float *x = (float *)block + at;
    for (uint32_t s = 0; s < n; s++) x[(size_t)s * PLAN_BLOCK] = row->x[s];
    memcpy(linear_of(p, block) + (size_t)at * p->n_outputs, row->linear, p->n_outputs * sizeof(double));
}

static void ask(const question *asked, uint32_t n, const float *leaf, const float *x, double *sums) {
    uint32_t bits[PLAN_BLOCK];
    v4i a = {-1, -1, -1, -1}, b = a, c = a, d = a;
    for (const question *q = asked, *end = asked + n; q < end; q++) {
        const v4f *at = (const v4f *)(const void *)(x + q->at);
        const v4f threshold = {q->threshold, q->threshold, q->threshold, q->threshold};
        const v4i keeps = {q->keeps, q->keeps, q->keeps, q->keeps};
        a &= (v4i)(at[0] <= threshold) | keeps;
        b &= (v4i)(at[1] <= threshold) | keeps;
        c &= (v4i)(at[2] <= threshold) | keeps;
        d &= (v4i)(at[3] <= threshold) | keeps;
    }
    memcpy(bits, &a, sizeof a);
    memcpy(bits + WIDTH, &b, sizeof b);
    memcpy(bits + 2 * WIDTH, &c, sizeof c);
    memcpy(bits + 3 * WIDTH, &d, sizeof d);
    for (uint32_t r = 0; r < PLAN_BLOCK; r++) sums[r] += leaf[__builtin_ctz(bits[r])];
}

/* As score.c's step: a row at its leaf stays, so that the rows go on together. */
static void walk(const plan_node *tree, const float *leaf, const float *x, double *sums) {
    uint32_t at[PLAN_BLOCK] = {0}, all;
    do {
        all = 128;
        for (uint32_t r = 0; r < PLAN_BLOCK; r++) {
            const plan_node *node = tree + (at[r] & 127);
            const uint32_t ended = 0u - (at[r] >> 7);
            const uint32_t next = node->child[!(x[(size_t)node->slot2 * PLAN_BLOCK + r] <= node->threshold)];
            at[r] = (at[r] & ended) | (next & ~ended);
            all &= at[r];
        }
    } while (!all);
    for (uint32_t r = 0; r < PLAN_BLOCK; r++) sums[r] += leaf[at[r] - 128];
}

static void add_terms(const plan *p, const float *x, double *linear) {
    const plan_header *h = p->head;
    const uint32_t K = p->n_outputs, n_terms = h->has_linear ? h->section[PLAN_S_TERMS].count : 0;
    const float *weights = p->floats + h->term_weights;
    for (uint32_t j = 0; j < n_terms; j++, weights += K) {
        const float *value = x + 2 * (size_t)p->terms[j].slot * PLAN_BLOCK;
        for (uint32_t r = 0; r < PLAN_BLOCK; r++) {
            const double z = plan_term_value(p->terms + j, value[r]);
            for (uint32_t k = 0; k < K; k++) linear[r * K + k] += z * weights[k];
        }
    }
}

void plan_block_score(const plan *p, const void *bulk, void *block, uint32_t n, double *out) {
    const uint32_t K = p->n_outputs;
    const question *asked = bulk;
    const float *x = block, *ordered = (const float *)(asked + nodes_of(p));
    double *linear = linear_of(p, block), *sums = linear + (size_t)K * PLAN_BLOCK, margins[PLAN_MAX_OUTPUTS];
    memset(sums, 0, (size_t)K * PLAN_BLOCK * sizeof *sums);
    for (uint32_t i = 0; i < trees_of(p); i++) {
        const plan_tree *t = p->trees + i;
        double *to = sums + (size_t)t->output * PLAN_BLOCK;
        if (t->n_nodes < MOST_BITS) ask(asked + t->node, t->n_nodes, ordered + t->leaf, x, to);
        else walk(p->nodes + t->node, p->leaves + t->leaf, x, to);
    }
    add_terms(p, x, linear);
    for (uint32_t r = 0; r < n; r++) {
        for (uint32_t k = 0; k < K; k++) margins[k] = plan_margin(p, k, sums[k * PLAN_BLOCK + r], linear[r * K + k]);
        plan_calibrate(p, margins, out + (size_t)r * K);
    }
}
