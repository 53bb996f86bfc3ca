#include "batch.h"
#include "bulk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 2 * PLAN_BLOCK, CHUNK_BLOCKS = 64, MOST_THREADS = 64 };

typedef struct {                         /* a run of blocks, which threads take one by one */
    const batch *b;
    const void *bulk;
    char *blocks;                        /* NULL: each thread encodes its own */
    Py_ssize_t first, rows;
    double *out;
    atomic_size_t next;
    atomic_int failed;
} run;

static void *aligned(size_t bytes) {
    void *room = NULL;
    return posix_memalign(&room, 64, bytes + !bytes) ? NULL : room;
}

static size_t block_bytes(const plan *p) { return (plan_block_bytes(p) + 63) / 64 * 64; }

static uint32_t rows_of(const run *r, size_t block) {
    const Py_ssize_t left = r->rows - (Py_ssize_t)block * PLAN_BLOCK;
    return left < PLAN_BLOCK ? (uint32_t)left : PLAN_BLOCK;
}

/* --- without the lock --- */

static void score_encoded(run *r) {
    const plan *p = r->b->p;
    const size_t blocks = ((size_t)r->rows + PLAN_BLOCK - 1) / PLAN_BLOCK;
    for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < blocks;)
        plan_block_score(p, r->bulk, r->blocks + i * block_bytes(p), rows_of(r, i), r->out + i * PLAN_BLOCK * p->n_outputs);
}

static int make_row(const plan *p, plan_row *row) {
    *row = (plan_row){.x = calloc(2 * (size_t)p->n_slots + 1, sizeof(float)), .linear = calloc(p->n_outputs, sizeof(double)),
                      .counts = calloc(p->max_tokens + 1, 1), .touched = calloc(p->max_tokens + 1, sizeof(uint16_t)),
                      .rows = calloc(p->n_pairs ? p->n_columns : 1, sizeof(uint16_t))};
    return row->x && row->linear && row->counts && row->touched && row->rows;
}

static void free_row(plan_row *row) {
    free(row->x);
    free(row->linear);
    free(row->counts);
    free(row->touched);
    free(row->rows);
}

static void score_own(run *r) {
    const plan *p = r->b->p;
    const size_t blocks = ((size_t)r->rows + PLAN_BLOCK - 1) / PLAN_BLOCK;
    void *block = aligned(block_bytes(p));
    plan_row row;
    if (!make_row(p, &row) || !block) atomic_store(&r->failed, 1);
    else plan_block_clear(p, block);
    for (size_t i; !atomic_load(&r->failed) && (i = atomic_fetch_add(&r->next, 1)) < blocks;) {
        const uint32_t n = rows_of(r, i);
        for (uint32_t k = 0; k < n; k++) {
            r->b->encode(r->b->from, r->first + (Py_ssize_t)(i * PLAN_BLOCK + k), &row);
            plan_block_put(p, block, k, &row);
        }
        plan_block_score(p, r->bulk, block, n, r->out + i * PLAN_BLOCK * p->n_outputs);
    }
    free_row(&row);
    free(block);
}

static void *work(void *argument) {
    run *r = argument;
    if (r->blocks) score_encoded(r);
    else score_own(r);
    return NULL;
}

/* Where no further thread can be had, those that there are do it all. */
static void work_together(run *r) {
    pthread_t others[MOST_THREADS];
    int n = 0;
    PyThreadState *lock = PyEval_SaveThread();
    while (n + 1 < r->b->threads && n < MOST_THREADS && !pthread_create(others + n, NULL, work, r)) n++;
    work(r);
    while (n) pthread_join(others[--n], NULL);
    PyEval_RestoreThread(lock);
}

/* --- with the lock --- */

static int encode_chunk(run *r, plan_row *row) {
    const plan *p = r->b->p;
    for (Py_ssize_t i = 0; i < r->rows; i++) {
        if (r->b->encode(r->b->from, r->first + i, row)) return -1;
        plan_block_put(p, r->blocks + (size_t)(i / PLAN_BLOCK) * block_bytes(p), (uint32_t)(i % PLAN_BLOCK), row);
    }
    return 0;
}

static int score_chunks(const batch *b, const void *bulk, plan_row *row, Py_ssize_t rows, double *out) {
    const Py_ssize_t most = (Py_ssize_t)CHUNK_BLOCKS * PLAN_BLOCK * (b->threads > 1 ? b->threads : 1);
    const size_t blocks = (size_t)((rows < most ? rows : most) + PLAN_BLOCK - 1) / PLAN_BLOCK;
    char *room = aligned(blocks * block_bytes(b->p));
    int failed = 0;
    if (!room) return PyErr_NoMemory(), -1;
    for (size_t i = 0; i < blocks; i++) plan_block_clear(b->p, room + i * block_bytes(b->p));
    for (Py_ssize_t first = 0; first < rows && !failed; first += most) {
        run r = {b, bulk, room, first, rows - first < most ? rows - first : most, out + (size_t)first * b->p->n_outputs, 0, 0};
        failed = encode_chunk(&r, row);
        if (!failed) work_together(&r);
    }
    free(room);
    return failed;
}

static int score_apart(const batch *b, plan_row *row, Py_ssize_t rows, double *out) {
    double margins[PLAN_MAX_OUTPUTS];
    for (Py_ssize_t i = 0; i < rows; i++, out += b->p->n_outputs) {
        if (b->encode(b->from, i, row)) return -1;
        plan_margins(b->p, row, margins);
        plan_calibrate(b->p, margins, out);
    }
    return 0;
}

int batch_score(const batch *b, plan_row *row, Py_ssize_t rows, double *out) {
    void *bulk;
    int failed = 0;
    if (rows < LEAST_ROWS) return score_apart(b, row, rows, out);    /* making the forest ready costs more than it saves */
    bulk = aligned(plan_bulk_bytes(b->p));
    if (!bulk) return PyErr_NoMemory(), -1;
    plan_bulk_prepare(b->p, bulk);
    if (b->locked) {
        failed = score_chunks(b, bulk, row, rows, out);
    } else {
        run r = {b, bulk, NULL, 0, rows, out, 0, 0};
        work_together(&r);
        if (atomic_load(&r.failed)) PyErr_NoMemory(), failed = -1;
    }
    free(bulk);
    return failed;
}
