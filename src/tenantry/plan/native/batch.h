/* Rows to scores in blocks, in one thread or several. */
#ifndef TENANTRY_BATCH_H
#define TENANTRY_BATCH_H

#include "abi3.h"
#include "plan.h"

/* Encodes row i of `from`, from plan_begin to plan_finish. Not 0 where it cannot be, with an exception if `locked`. */
typedef int (*batch_encode)(void *from, Py_ssize_t i, plan_row *row);

typedef struct {
    const plan *p;
    batch_encode encode;
    void *from;
    int locked;                          /* `encode` needs the interpreter's lock: the rest goes without it */
    int threads;                         /* at most so many; the scores do not depend on it */
} batch;

/* `out`: rows × outputs. `row` serves where the lock is held. -1 with an exception. Called with the lock held. */
int batch_score(const batch *b, plan_row *row, Py_ssize_t rows, double *out);

#endif
