/* Columns of Python values: the input of a batch, and the reading functions that training shares with scoring. */
#ifndef TENANTRY_COLUMNS_H
#define TENANTRY_COLUMNS_H

#include "abi3.h"

typedef struct {                         /* one column of a batch; both NULL: every value is missing */
    PyObject *list;
    const double *numbers;
    Py_buffer buffer;
} source;

/* `columns`: a sequence of n entries, each None, a list or a buffer of float64, of `rows` items; `names` for errors. NULL with an exception. */
source *sources_open(PyObject *columns, PyObject *names, Py_ssize_t n, Py_ssize_t rows);
PyObject *source_item(const source *s, Py_ssize_t row);                /* a new reference, or NULL with an exception */
void sources_close(source *sources, Py_ssize_t n);

extern PyMethodDef COLUMN_METHODS[];

#endif
