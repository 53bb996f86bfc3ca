#include "columns.h"
#include "values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the columns of a batch --- */

static int refuse_source(PyObject *name) {
    PyErr_Format(PyExc_TypeError, "column '%U' is neither None nor a list nor a buffer of float64 nor offsets and text", name);
    return -1;
}

static int is_of(const Py_buffer *b, int itemsize, const char *code) {
    const char *format = b->format && *b->format == '<' ? b->format + 1 : b->format;
    return format && b->itemsize == itemsize && !strcmp(format, code) && b->ndim == 1 && (uintptr_t)b->buf % (size_t)itemsize == 0;
}

/* Offsets that rise and stay inside the text. How many values there are, or -1. */
static Py_ssize_t open_text(source *s, PyObject *offsets, PyObject *text, PyObject *name) {
    Py_ssize_t n;
    if (PyObject_GetBuffer(offsets, &s->buffer, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)) return -1;
    if (PyObject_GetBuffer(text, &s->text_buffer, PyBUF_C_CONTIGUOUS)) return -1;
    n = s->buffer.len / 4 - 1;
    if (!is_of(&s->buffer, 4, "i") || n < 0) return refuse_source(name);
    s->ends = s->buffer.buf;
    s->text = s->text_buffer.buf;
    for (Py_ssize_t i = 0; i < n; i++)
        if (s->ends[i] > s->ends[i + 1]) return refuse_source(name);
    return s->ends[0] < 0 || s->ends[n] > s->text_buffer.len ? refuse_source(name) : n;
}

static int open_one(source *s, PyObject *column, PyObject *name, Py_ssize_t rows) {
    Py_ssize_t n;
    if (column == Py_None) return 0;
    if (PyList_Check(column)) {
        n = PyList_Size(column);
        Py_INCREF(column);
        s->list = column;
    } else if (PyTuple_Check(column)) {
        if (PyTuple_Size(column) != 2) return refuse_source(name);
        n = open_text(s, PyTuple_GetItem(column, 0), PyTuple_GetItem(column, 1), name);
        if (n < 0) return -1;
    } else {
        if (PyObject_GetBuffer(column, &s->buffer, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)) return -1;
        s->numbers = s->buffer.buf;
        n = s->buffer.len / 8;
        if (!is_of(&s->buffer, 8, "d")) return refuse_source(name);
    }
    if (n == rows) return 0;
    PyErr_Format(PyExc_ValueError, "column '%U' has %zd values in place of %zd", name, n, rows);
    return -1;
}

source *sources_open(PyObject *columns, PyObject *names, Py_ssize_t n, Py_ssize_t rows) {
    PyObject *list = PySequence_List(columns);
    source *sources = list ? calloc((size_t)n + 1, sizeof *sources) : NULL;
    int failed = !sources;
    if (list && !sources) PyErr_NoMemory();
    if (sources && PyList_Size(list) != n) {
        PyErr_Format(PyExc_ValueError, "%zd columns in place of %zd", PyList_Size(list), n);
        failed = 1;
    }
    for (Py_ssize_t k = 0; !failed && k < n; k++)
        failed = open_one(sources + k, PyList_GetItem(list, k), PyTuple_GetItem(names, k), rows);
    Py_XDECREF(list);
    if (!failed) return sources;
    if (sources) sources_close(sources, n);
    return NULL;
}

/* Whoever owns the buffers may write to them meanwhile: that spoils a value, and reads nothing outside. */
const char *source_text(const source *s, Py_ssize_t row, size_t *n) {
    const Py_ssize_t from = s->ends[row], to = s->ends[row + 1];
    *n = 0;
    if (from < 0 || to <= from || to > s->text_buffer.len) return "";
    *n = (size_t)(to - from);
    return s->text + from;
}

PyObject *source_item(const source *s, Py_ssize_t row) {
    PyObject *value = s->list ? PyList_GetItem(s->list, row) : Py_None;    /* checks the bounds */
    if (s->numbers) return PyFloat_FromDouble(s->numbers[row]);
    if (value) Py_INCREF(value);
    return value;
}

void sources_close(source *sources, Py_ssize_t n) {
    for (Py_ssize_t k = 0; k < n; k++) {
        Py_XDECREF(sources[k].list);
        if (sources[k].buffer.obj) PyBuffer_Release(&sources[k].buffer);
        if (sources[k].text_buffer.obj) PyBuffer_Release(&sources[k].text_buffer);
    }
    free(sources);
}

/* --- reading functions --- */

static void refuse_item(Py_ssize_t i) {
    PyObject *label = PyUnicode_FromFormat("value %zd", i);
    if (!label) return;
    raise_value(label);
    Py_DECREF(label);
}

static PyObject *parse_numbers(PyObject *module, PyObject *args) {
    PyObject *values, *result;
    Py_ssize_t n, nulls_bytes;
    const char *nulls_data;
    const char *entries, *strings, *factors;
    Py_ssize_t n_entries, n_strings, n_factors;
    double nulls[16], *out;
    plan_number_format f;
    unsigned int max_probe, max_bytes;
    unsigned long long key;
    (void)module;
    if (!PyArg_ParseTuple(args, "Opppy#y#y#IIKy#", &values, &f.decimal_comma, &f.unit_tail, &f.clock, &nulls_data, &nulls_bytes,
                          &entries, &n_entries, &strings, &n_strings, &max_probe, &max_bytes, &key, &factors, &n_factors)) return NULL;
    f.units = (plan_table){(const plan_entry *)(const void *)entries, strings, key, (uint32_t)(n_entries / 12), max_probe, max_bytes};
    f.factors = (const double *)(const void *)factors;
    n = PyList_Size(values);
    if (n < 0) return NULL;
    if (nulls_bytes > (Py_ssize_t)sizeof nulls) return PyErr_SetString(PyExc_ValueError, "more than 16 null numbers"), NULL;
    memcpy(nulls, nulls_data, (size_t)nulls_bytes);
    result = PyBytes_FromStringAndSize(NULL, n * 8);
    out = result ? (double *)(void *)PyBytes_AsString(result) : NULL;
    for (Py_ssize_t i = 0; out && i < n; i++) {
        PyObject *value = PyList_GetItem(values, i);
        word w = {.held = NULL};
        double x = NAN;
        int status;
        if (!value) goto failed;
        Py_INCREF(value);
        status = number_of(value, &x, &w);
        if (status == VALUE_TEXT) {
            size_t length = plan_strip(&w.s, (size_t)w.n);
            x = plan_parse_number(w.s, length, &f);
        }
        word_release(&w);
        Py_DECREF(value);
        if (status == VALUE_ERROR) {
            refuse_item(i);
            goto failed;
        }
        out[i] = plan_limit_number(status == VALUE_MISSING ? NAN : x, nulls, (uint32_t)(nulls_bytes / 8));
    }
    return result;
failed:
    Py_DECREF(result);
    return NULL;
}

static PyObject *parse_dates(PyObject *module, PyObject *args) {
    PyObject *values, *result;
    Py_ssize_t n;
    double *out;
    int order, digits;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oii", &values, &order, &digits)) return NULL;
    n = PyList_Size(values);
    if (n < 0) return NULL;
    result = PyBytes_FromStringAndSize(NULL, n * PLAN_DATE_PARTS * (Py_ssize_t)sizeof(double));
    out = result ? (double *)(void *)PyBytes_AsString(result) : NULL;
    for (Py_ssize_t i = 0; out && i < n; i++, out += PLAN_DATE_PARTS) {
        PyObject *value = PyList_GetItem(values, i);
        word w = {.held = NULL};
        int status, found = 0;
        if (!value) goto failed;
        Py_INCREF(value);
        status = word_of(value, 1, &w);
        if (status == VALUE_THERE) {
            size_t length = plan_strip(&w.s, (size_t)w.n);
            found = plan_parse_date(w.s, length, order, digits, out);
        }
        word_release(&w);
        Py_DECREF(value);
        if (status == VALUE_ERROR) {
            refuse_item(i);
            goto failed;
        }
        for (int k = 0; !found && k < PLAN_DATE_PARTS; k++) out[k] = NAN;
    }
    return result;
failed:
    Py_DECREF(result);
    return NULL;
}

static PyObject *category_word(PyObject *module, PyObject *value) {
    word w;
    PyObject *result;
    size_t n;
    int status = word_of(value, 0, &w);
    (void)module;
    if (status == VALUE_ERROR) {
        PyObject *label = PyUnicode_FromFormat("the value");
        if (label) raise_value(label);
        Py_XDECREF(label);
        word_release(&w);
        return NULL;
    }
    n = status == VALUE_MISSING ? 0 : plan_strip(&w.s, (size_t)w.n);
    if (n) {
        result = PyUnicode_DecodeUTF8(w.s, (Py_ssize_t)n, NULL);
    } else {
        Py_INCREF(Py_None);
        result = Py_None;
    }
    word_release(&w);
    return result;
}

static int append_text(PyObject *list, const char *s, size_t n) {
    PyObject *text = PyUnicode_DecodeUTF8(s, (Py_ssize_t)n, "replace");
    int failed = text ? PyList_Append(list, text) : -1;
    Py_XDECREF(text);
    return failed;
}

static PyObject *tokens(PyObject *module, PyObject *args) {
    char pair[2 * PLAN_TOKEN_BYTES + 1], token[PLAN_TOKEN_BYTES];
    PyObject *list, *text;
    const char *s;
    Py_ssize_t n = 0;
    plan_words rest = {NULL, 0, 0, 0};
    size_t at = 0, before = 0, length;
    int scripts = 0, is_word = 1;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|p", &text, &scripts)) return NULL;
    s = PyUnicode_AsUTF8AndSize(text, &n);
    rest.s = s;
    rest.n = (size_t)n;
    list = s ? PyList_New(0) : NULL;
    while (list && (length = scripts ? plan_next_script_token(&rest, token, &is_word) : plan_next_token(s, (size_t)n, &at, token))) {
        int failed = append_text(list, token, length);
        if (before && is_word && !failed) {
            pair[before] = ' ';
            memcpy(pair + before + 1, token, length);
            failed = append_text(list, pair, before + 1 + length);
        }
        if (failed) {
            Py_DECREF(list);
            return NULL;
        }
        memcpy(pair, token, length);
        before = is_word ? length : 0;
    }
    return list;
}

/* --- TF-IDF rows --- */

typedef struct { float *data; int32_t *indices; size_t n, room; } cells;

static int by_index(const void *a, const void *b) { return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b; }

static int add_row(cells *to, const double *tf, const float *idf, uint8_t *counts, uint16_t *touched, uint32_t known) {
    double norm = plan_text_norm(tf, idf, counts, touched, known);
    if (to->n + known > to->room) {
        size_t room = 2 * to->room + known + 1024;
        float *data = realloc(to->data, room * sizeof *data);
        int32_t *indices = data ? realloc(to->indices, room * sizeof *indices) : NULL;
        if (data) to->data = data;
        if (indices) to->indices = indices;
        if (!data || !indices) return PyErr_NoMemory(), -1;
        to->room = room;
    }
    qsort(touched, known, sizeof *touched, by_index);
    for (uint32_t i = 0; i < known; i++) {
        uint16_t token = touched[i];
        to->data[to->n] = (float)plan_text_value(tf, idf[token], counts[token], norm);
        to->indices[to->n++] = token;
        counts[token] = 0;
    }
    return 0;
}

static int add_value(PyObject *values, Py_ssize_t i, int scripts, const plan_table *table, const double *tf, const float *idf,
                     uint8_t *counts, uint16_t *touched, cells *to) {
    PyObject *value = PyList_GetItem(values, i);
    uint32_t known = 0, n_words;
    word w = {.held = NULL};
    int status;
    if (!value) return -1;
    Py_INCREF(value);
    status = word_of(value, 0, &w);
    if (status == VALUE_THERE) known = plan_count_tokens(table, w.s, (size_t)w.n, scripts, counts, touched, &n_words);
    word_release(&w);
    Py_DECREF(value);
    if (status == VALUE_ERROR) return refuse_item(i), -1;
    return add_row(to, tf, idf, counts, touched, known);
}

/* text_matrix(values, entries, strings, max_probe, max_bytes, key, idf, tf) → data, indices, indptr as bytes. The table
 * comes from tenantry's own table builder, which the caller answers for. */
static PyObject *text_matrix(PyObject *module, PyObject *args) {
    PyObject *values, *result = NULL, *ends;
    const char *entries, *strings, *idf, *tf;
    Py_ssize_t n_entries, n_strings, n_idf, n_tf, n;
    unsigned int max_probe, max_bytes;
    unsigned long long key;
    cells to = {NULL, NULL, 0, 0};
    uint8_t *counts;
    uint16_t *touched;
    int64_t *end;
    int scripts = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#y#IIKy#y#|p", &values, &entries, &n_entries, &strings, &n_strings, &max_probe, &max_bytes,
                          &key, &idf, &n_idf, &tf, &n_tf, &scripts)) return NULL;
    n = PyList_Size(values);
    if (n < 0) return NULL;
    if (n_tf != 8 * (PLAN_MAX_TF + 1) || n_idf / 4 >= PLAN_NO_ROW) return PyErr_SetString(PyExc_ValueError, "bad table"), NULL;
    plan_table table = {(const plan_entry *)(const void *)entries, strings, key, (uint32_t)(n_entries / 12), max_probe, max_bytes};
    counts = calloc((size_t)n_idf / 4 + 1, 1);
    touched = calloc((size_t)n_idf / 4 + 1, sizeof *touched);
    ends = PyBytes_FromStringAndSize(NULL, (n + 1) * 8);
    if (!counts || !touched || !ends) {
        PyErr_NoMemory();
    } else {
        Py_ssize_t i = 0;
        end = (int64_t *)(void *)PyBytes_AsString(ends);
        for (end[0] = 0; i < n; i++) {
            if (add_value(values, i, scripts, &table, (const double *)(const void *)tf, (const float *)(const void *)idf, counts, touched, &to)) break;
            end[i + 1] = (int64_t)to.n;
        }
        if (i == n) {
            PyObject *data = PyBytes_FromStringAndSize((const char *)to.data, (Py_ssize_t)to.n * 4);
            PyObject *indices = PyBytes_FromStringAndSize((const char *)to.indices, (Py_ssize_t)to.n * 4);
            if (data && indices) result = PyObject_CallFunction((PyObject *)&PyTuple_Type, "((OOO))", data, indices, ends);
            Py_XDECREF(data);
            Py_XDECREF(indices);
        }
    }
    Py_XDECREF(ends);
    free(counts);
    free(touched);
    free(to.data);
    free(to.indices);
    return result;
}

PyMethodDef COLUMN_METHODS[] = {
    {"parse_numbers", parse_numbers, METH_VARARGS, "parse_numbers(values, decimal_comma, unit_tail, clock, nulls, entries, strings, max_probe, max_bytes, key, factors, /)\n--\n\n"
     "float64 bytes; the table of units comes from tenantry's own table builder."},
    {"parse_dates", parse_dates, METH_VARARGS, "parse_dates(values, order, digits, /)\n--\n\nfloat64 bytes, 7 a value."},
    {"category_word", category_word, METH_O, "category_word(value, /)\n--\n\nThe word of a value, or None."},
    {"tokens", tokens, METH_VARARGS, "tokens(text, scripts=False, /)\n--\n\nTokens and pairs of a text."},
    {"text_matrix", text_matrix, METH_VARARGS, "text_matrix(values, entries, strings, max_probe, max_bytes, key, idf, tf, scripts=False, /)\n--\n\nCSR parts."},
    {NULL, NULL, 0, NULL}};
