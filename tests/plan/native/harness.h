/* What the fuzz targets of the plan kernel share. Each is one of libFuzzer's: with clang the library drives it, guided
 * by coverage; with any compiler drive.c replays files through it, or mutates them blindly. */
#ifndef TENANTRY_HARNESS_H
#define TENANTRY_HARNESS_H

#include "plan.h"

#define HARNESS_ITEM '\037'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);     /* libFuzzer's, or drive.c's */

/* kind: 0 missing, 1 number, 2 text, 3 a list, whose items HARNESS_ITEM parts (missing where the column takes none) */
typedef struct { int kind; double number; const char *text; size_t bytes; } cell;
typedef struct { double *margins, *scores, *phi; float *x; } answer;                /* of one record; heap */

extern long harness_scored;                                               /* how many records were scored so far */

plan *harness_open(const uint8_t *data, size_t size, int verify);         /* an exact copy, or NULL where it is refused */
void harness_close(plan *p);
answer harness_score(const plan *p, const cell *cells, uint32_t output);  /* a cell a column */
void harness_free(answer *a);
int harness_same(const plan *p, const answer *a, const answer *b);        /* bit for bit, but that any NaN is a NaN */
void harness_fail(const char *what);

#endif
