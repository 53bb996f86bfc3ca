/* Columns of Python values: the input of a batch, and the reading functions that training shares with scoring. */
#ifndef TENANTRY_COLUMNS_H
#define TENANTRY_COLUMNS_H

#include "abi3.h"

typedef struct {                         /* one column of a batch; all three NULL: every value is missing */
    PyObject *list;
    const double *numbers;
    const int32_t *ends;                 /* value i is text from ends[i] to ends[i + 1]; empty: missing */
    const char *text;
    Py_buffer buffer, text_buffer;
} source;

/* `columns`: a sequence of n entries, each None, a list, a buffer of float64, or a pair of buffers as Arrow keeps text (int32
 * offsets, one more than values, and UTF-8), of `rows` items; `names` for errors. NULL with an exception. */
source *sources_open(PyObject *columns, PyObject *names, Py_ssize_t n, Py_ssize_t rows);
const char *source_text(const source *s, Py_ssize_t row, size_t *n);   /* of a source with `ends`: no terminating 0 */
PyObject *source_item(const source *s, Py_ssize_t row);                /* a new reference, or NULL with an exception */
void sources_close(source *sources, Py_ssize_t n);

extern PyMethodDef COLUMN_METHODS[];

#endif
