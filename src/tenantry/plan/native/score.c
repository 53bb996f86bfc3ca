/* Slots to margins to what the caller sees. */
#include "plan.h"

#include <math.h>
#include <string.h>

#ifndef PLAN_LANES
#define PLAN_LANES 8
#endif

/* One step of a walk that may have ended: at a leaf (>= 128) it stays. No branch, so that the lanes overlap; the node
 * behind a leaf's number is read and thrown away (the file ends in spare nodes for that). */
static inline uint32_t step(const plan_node *tree, uint32_t at, const float *x) {
    const plan_node *node = tree + (at & 127);
    const uint32_t next = node->child[!(x[node->slot2] <= node->threshold)], leaf = 0u - (at >> 7);
    return (at & leaf) | (next & ~leaf);
}

static void forest(const plan *p, const float *x, double *sums) {
    const uint32_t n = p->head->section[PLAN_S_TREES].count;
    uint32_t t = 0;
    for (; t + PLAN_LANES <= n; t += PLAN_LANES) {
        const plan_node *tree[PLAN_LANES];
        uint32_t at[PLAN_LANES] = {0}, all;
        for (int k = 0; k < PLAN_LANES; k++) tree[k] = p->nodes + p->trees[t + k].node;
        do {
            all = 128;
            for (int k = 0; k < PLAN_LANES; k++) {
                at[k] = step(tree[k], at[k], x);
                all &= at[k];
            }
        } while (!all);
        for (int k = 0; k < PLAN_LANES; k++) sums[p->trees[t + k].output] += p->leaves[p->trees[t + k].leaf + (at[k] - 128)];
    }
    for (; t < n; t++) {
        uint32_t at = 0;
        do at = step(p->nodes + p->trees[t].node, at, x);
        while (at < 128);
        sums[p->trees[t].output] += p->leaves[p->trees[t].leaf + (at - 128)];
    }
}

double plan_term_value(const plan_term *term, double z) {
    if (z != z) z = term->fill;
    z = (z - term->mean) * term->inv_scale;
    return z < -8.0 ? -8.0 : z > 8.0 ? 8.0 : z;
}

double plan_margin(const plan *p, uint32_t output, double forest, double linear) {
    const double margin = p->doubles[p->head->base + output] + p->head->forest_weight * forest;
    return p->head->has_linear ? margin + p->head->linear_weight * linear : margin;
}

void plan_margins(const plan *p, const plan_row *row, double *margins) {
    const plan_header *h = p->head;
    const uint32_t K = p->n_outputs, n_terms = h->has_linear ? h->section[PLAN_S_TERMS].count : 0;
    const float *weights = p->floats + h->term_weights;
    double linear[PLAN_MAX_OUTPUTS];
    memcpy(linear, row->linear, K * sizeof *linear);
    for (uint32_t j = 0; j < n_terms; j++, weights += K) {
        const double z = plan_term_value(p->terms + j, row->x[2 * p->terms[j].slot]);
        for (uint32_t k = 0; k < K; k++) linear[k] += z * weights[k];
    }
    for (uint32_t k = 0; k < K; k++) margins[k] = 0.0;
    forest(p, row->x, margins);
    for (uint32_t k = 0; k < K; k++) margins[k] = plan_margin(p, k, margins[k], linear[k]);
}

static double isotonic(const double *x, const double *y, uint32_t n, double m) {
    uint32_t low = 0, high = n - 1;
    if (!(m > x[0])) return y[0];
    if (m >= x[high]) return y[high];
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (x[middle] <= m) low = middle;
        else high = middle;
    }
    return y[low] + (y[high] - y[low]) * ((m - x[low]) / (x[high] - x[low]));
}

static void softmax(const double *margins, uint32_t K, double scale, const double *bias, double *out) {
    double top = -INFINITY, sum = 0.0;
    for (uint32_t k = 0; k < K; k++) {
        out[k] = scale * margins[k] + bias[k];
        if (out[k] > top) top = out[k];
    }
    for (uint32_t k = 0; k < K; k++) sum += out[k] = exp(out[k] - top);
    for (uint32_t k = 0; k < K; k++) out[k] /= sum;
}

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

void plan_calibrate(const plan *p, const double *margins, double *out) {
    const plan_header *h = p->head;
    const double *bias = p->doubles + h->bias, *knots = p->doubles + h->knots;
    switch (h->calibration) {
    case PLAN_SIGMOID: out[0] = 1.0 / (1.0 + exp(-(h->scale * margins[0] + bias[0]))); break;
    case PLAN_ISOTONIC: out[0] = isotonic(knots, knots + h->n_knots, h->n_knots, margins[0]); break;
    case PLAN_SOFTMAX: softmax(margins, p->n_outputs, h->scale, bias, out); break;
    case PLAN_LINEAR: out[0] = clip(margins[0] * h->scale + bias[0], h->low, h->high); break;
    default: out[0] = clip(exp(margins[0] * h->scale + bias[0]), h->low, h->high);
    }
}
