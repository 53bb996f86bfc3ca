/* Many rows at once: the same margins as row by row, bit for bit, tree by tree over blocks of rows. */
#ifndef TENANTRY_BULK_H
#define TENANTRY_BULK_H

#include "plan.h"

#define PLAN_BLOCK 16                    /* rows of a block */

/* A forest made ready for blocks: plan_bulk_bytes(p) bytes, written once, then only read. */
size_t plan_bulk_bytes(const plan *p);
void plan_bulk_prepare(const plan *p, void *bulk);

/* A block of rows: plan_block_bytes(p) bytes, aligned to 16. Rows are put at 0 to PLAN_BLOCK - 1; what another row left
 * in the rest is scored and thrown away. `out`: n × outputs. */
size_t plan_block_bytes(const plan *p);
void plan_block_clear(const plan *p, void *block);
void plan_block_put(const plan *p, void *block, uint32_t at, const plan_row *row);
void plan_block_score(const plan *p, const void *bulk, void *block, uint32_t n, double *out);

#endif
