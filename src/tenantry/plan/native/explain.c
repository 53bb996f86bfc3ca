/* Exact Shapley values in margin space.
 *
 * Forest: path-dependent TreeSHAP (Lundberg et al. 2020) by Owen's integral: the value of slot j at a leaf of weight w is
 *     w (o_j - z_j) * INTEGRAL_0^1 PRODUCT_(i != j) ((1 - t) z_i + t o_i) dt,
 * where o_i says whether the record goes along the path's edges of slot i, and z_i is the share of training rows that do.
 * The integrand is a polynomial in t, one degree below the number of slots on the path, so that Gauss-Legendre with 4
 * points is exact up to 8 slots, and with 8 points up to 16. One pass down carries the products, one up the sums.
 *
 * Linear member: weight * (value - training mean). */
#include "plan.h"

#include <string.h>

typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));

static const float T4[4] = {0.06943184420297371f, 0.33000947820757187f, 0.66999052179242813f, 0.93056815579702629f};
static const double W4[4] = {0.17392742256872693, 0.32607257743127307, 0.32607257743127307, 0.17392742256872693};
static const float T8[8] = {0.01985507175123188f, 0.10166676129318664f, 0.2372337950418355f,  0.40828267875217511f,
                            0.59171732124782489f, 0.7627662049581645f,  0.89833323870681336f, 0.98014492824876812f};
static const double W8[8] = {0.05061426814518813, 0.11119051722668724, 0.15685332293894364, 0.18134189168918099,
                             0.18134189168918099, 0.15685332293894364, 0.11119051722668724, 0.05061426814518813};

/* Edge 2i + side leads from node i; edge 255 stands for "no earlier edge of this slot".
 * `ratio[e]`: product of the shares along the edges of the same slot down to e; `ancestor[i]`: the last of them above
 * node i. Down: P[i] is the product of all factors at node i. Up: H[i] is the sum over the leaves below it. */
#define TREE_SHAP(Q)                                                                                                     \
    static void tree_shap##Q(const plan_node *b, int n, const float *leaf, const float *ratio, const uint8_t *ancestor,  \
                             const float *x, v##Q *sums) {                                                               \
        v##Q P[128], H[128], F[256], G[256], t, u;                                                                       \
        uint8_t goes[256];                                                                                               \
        float weight[256];                                                                                               \
        for (int k = 0; k < Q; k++) t[k] = T##Q[k], u[k] = 1.0f - T##Q[k], P[0][k] = F[255][k] = 1.0f;                   \
        goes[255] = 1;                                                                                                   \
        weight[255] = 0.0f;                                                                                              \
        for (int i = 0; i < n; i++) {                                                                                    \
            const int a = ancestor[i], left = x[b[i].slot2] <= b[i].threshold;                                           \
            const v##Q before = P[i] * F[a];                                                                             \
            for (int side = 0; side < 2; side++) {                                                                       \
                const int e = 2 * i + side, c = b[i].child[side], go = (side ^ left) & goes[a];                          \
                v##Q f = u * ratio[e] + t * (float)go;                                                                   \
                goes[e] = (uint8_t)go;                                                                                   \
                weight[e] = (float)go - ratio[e];                                                                        \
                F[e] = 1.0f / f;                                                                                         \
                f *= before;                                                                                             \
                if (c < 128) P[c] = f;                                                                                   \
                else G[e] = f * leaf[c - 128];                                                                           \
            }                                                                                                            \
        }                                                                                                                \
        for (int i = n - 1; i >= 0; i--) {                                                                               \
            const int e = 2 * i, a = ancestor[i], l = b[i].child[0], r = b[i].child[1];                                  \
            const v##Q g = l < 128 ? H[l] : G[e], h = r < 128 ? H[r] : G[e + 1], q = weight[a] * F[a];                   \
            sums[b[i].slot2 >> 1] += g * (weight[e] * F[e] - q) + h * (weight[e + 1] * F[e + 1] - q);                    \
            H[i] = g + h;                                                                                                \
        }                                                                                                                \
    }
TREE_SHAP(4)
TREE_SHAP(8)

size_t plan_explain_floats(const plan *p) { return 12 * (size_t)p->n_slots + 8; }

static void share(const plan *p, uint32_t slot, double value, double *phi) {
    phi[p->owners[slot].first] += 0.5 * value;
    phi[p->owners[slot].second] += 0.5 * value;
}

static void explain_forest(const plan *p, const plan_row *row, float *sums, double *phi) {
    v8 *sums8 = (v8 *)sums;
    v4 *sums4 = (v4 *)(sums + 8 * (size_t)p->n_slots);
    memset(sums, 0, 12 * sizeof *sums * p->n_slots);
    for (uint32_t i = 0; i < p->head->section[PLAN_S_TREES].count; i++) {
        const plan_tree *t = p->trees + i;
        const plan_node *nodes = p->nodes + t->node;
        const float *leaves = p->leaves + t->leaf, *ratios = p->ratios + 2 * (size_t)t->node;
        if (t->output != row->output) continue;
        if (t->points == 4) tree_shap4(nodes, t->n_nodes, leaves, ratios, p->ancestors + t->node, row->x, sums4);
        else tree_shap8(nodes, t->n_nodes, leaves, ratios, p->ancestors + t->node, row->x, sums8);
    }
    for (uint32_t s = 0; s < p->n_slots; s++) {
        double value = 0.0;
        for (int k = 0; k < 4; k++) value += W4[k] * sums4[s][k];
        for (int k = 0; k < 8; k++) value += W8[k] * sums8[s][k];
        share(p, s, p->head->forest_weight * value, phi);
    }
}

static void explain_linear(const plan *p, const plan_row *row, double *phi) {
    const plan_header *h = p->head;
    const float *weights = p->floats + h->term_weights + row->output;
    for (uint32_t c = 0, input = 0; c < p->n_columns; c++) {
        const plan_column *column = p->columns + c;
        input += c && !plan_is_view(p, c);
        if (column->kind == PLAN_CATEGORY || column->kind == PLAN_TEXT)
            phi[input] += h->linear_weight * (row->parts[c] - p->floats[column->mean + row->output]);
    }
    for (uint32_t i = 0; i < p->n_pairs; i++) {
        const plan_column *pair = p->pairs + i;
        const double moved = h->linear_weight * (row->parts[p->n_columns + i] - p->floats[pair->mean + row->output]);
        for (int side = 0; side < 2; side++) phi[pair->slot[2 + side]] += 0.5 * moved;
    }
    for (uint32_t j = 0; j < h->section[PLAN_S_TERMS].count; j++, weights += p->n_outputs) {
        const plan_term *term = p->terms + j;
        const double z = plan_term_value(term, row->x[2 * term->slot]);
        share(p, term->slot, h->linear_weight * (*weights * (z - term->center)), phi);
    }
}

void plan_explain(const plan *p, const plan_row *row, float *sums, double *phi) {
    memset(phi, 0, p->n_inputs * sizeof *phi);
    explain_forest(p, row, sums, phi);
    if (p->head->has_linear) explain_linear(p, row, phi);
}
