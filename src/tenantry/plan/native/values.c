#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PyObject *raise_tenantry(const char *kind, const char *code, PyObject *message) {
    PyObject *module = message ? PyImport_ImportModule("tenantry.errors") : NULL;
    PyObject *type = module ? PyObject_GetAttrString(module, kind) : NULL;
    PyObject *error = type ? PyObject_CallFunction(type, "sO", code, message) : NULL;
    if (error) PyErr_SetObject(type, error);
    Py_XDECREF(error);
    Py_XDECREF(type);
    Py_XDECREF(module);
    Py_XDECREF(message);
    return NULL;
}

void word_release(word *w) {
    if (w->held) Py_DECREF(w->held);
    w->held = NULL;
}

/* A value that no column takes; `raise_value` adds the column's name. */
static int refuse(const char *what) {
    PyErr_SetString(PyExc_TypeError, what);
    return VALUE_ERROR;
}

static int text_word(PyObject *text, word *w) {
    w->s = PyUnicode_AsUTF8AndSize(text, &w->n);
    return w->s ? VALUE_THERE : VALUE_ERROR;
}

static int bytes_word(PyObject *value, word *w) {
    char *s;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(value, &s, &n)) return VALUE_ERROR;
    w->held = PyUnicode_DecodeUTF8(s, n, NULL);
    return w->held ? text_word(w->held, w) : VALUE_ERROR;
}

static int positive(PyObject *value) {
    PyObject *zero = PyLong_FromLong(0);
    int more = zero ? PyObject_RichCompareBool(value, zero, Py_GT) : -1;
    Py_XDECREF(zero);
    return more;
}

static int constant_word(const char *s, word *w) {
    w->s = s;
    w->n = (Py_ssize_t)strlen(s);
    return VALUE_THERE;
}

static int integer_word(PyObject *value, word *w) {
    int overflow, more;
    long long x = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (!overflow) {
        if (x == -1 && PyErr_Occurred()) return VALUE_ERROR;
        w->n = snprintf(w->digits, sizeof w->digits, "%lld", x);
        w->s = w->digits;
        return VALUE_THERE;
    }
    w->held = PyNumber_ToBase(value, 10);
    if (w->held) return text_word(w->held, w);
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return VALUE_ERROR;    /* beyond Python's limit of digits */
    PyErr_Clear();
    more = positive(value);
    return more < 0 ? VALUE_ERROR : constant_word(more ? "inf" : "-inf", w);
}

static int float_word(double x, word *w) {
    char *s;
    if (x != x) return VALUE_MISSING;
    if (fabs(x) < 1e15 && x == floor(x)) {
        w->n = snprintf(w->digits, sizeof w->digits, "%lld", (long long)x);
    } else {
        s = PyOS_double_to_string(x, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        if (!s) return VALUE_ERROR;
        w->n = snprintf(w->digits, sizeof w->digits, "%s", s);
        PyMem_Free(s);
    }
    w->s = w->digits;
    return VALUE_THERE;
}

static int is_container(PyObject *value) {
    return PyList_Check(value) || PyTuple_Check(value) || PyDict_Check(value) || PyAnySet_Check(value);
}

static int is_numpy_bool(PyObject *value) {
    PyObject *name = PyType_GetName(Py_TYPE(value));
    int is = name && (!PyUnicode_CompareWithASCIIString(name, "bool_") || !PyUnicode_CompareWithASCIIString(name, "bool"));
    if (!name) PyErr_Clear();
    Py_XDECREF(name);
    return is;
}

/* Another object as a plain one: a new reference to a bool, an int, a float or text. */
static PyObject *as_plain(PyObject *value) {
    PyObject *as;
    if (is_numpy_bool(value)) {
        int truth = PyObject_IsTrue(value);
        return truth < 0 ? NULL : PyObject_CallFunction((PyObject *)&PyBool_Type, "i", truth);
    }
    as = PyNumber_Index(value);
    if (as || !PyErr_ExceptionMatches(PyExc_TypeError)) return as;
    PyErr_Clear();
    as = PyNumber_Float(value);
    if (as || !PyErr_ExceptionMatches(PyExc_TypeError)) return as;
    PyErr_Clear();
    return PyObject_Str(value);
}

static int plain_word(PyObject *value, word *w) {
    if (PyUnicode_Check(value)) return text_word(value, w);
    if (PyBool_Check(value)) return constant_word(PyObject_IsTrue(value) ? "true" : "false", w);
    if (PyLong_Check(value)) return integer_word(value, w);
    return float_word(PyFloat_AsDouble(value), w);
}

static int is_plain(PyObject *value) { return PyUnicode_Check(value) || PyLong_Check(value) || PyFloat_Check(value); }

int word_of(PyObject *value, int is_date, word *w) {
    PyObject *as;
    int status;
    w->held = NULL;
    if (value == Py_None) return VALUE_MISSING;
    if (is_plain(value)) return plain_word(value, w);
    if (PyBytes_Check(value)) return bytes_word(value, w);
    if (is_container(value)) return refuse("a list or an object");
    as = is_date ? PyObject_Str(value) : as_plain(value);
    if (!as) return VALUE_ERROR;
    status = plain_word(as, w);
    if (w->held) Py_DECREF(as);                 /* then the word lives there, or in `digits` */
    else w->held = as;
    return status;
}

static int plain_number(PyObject *value, double *x, word *w) {
    int more;
    if (PyUnicode_Check(value)) return text_word(value, w) == VALUE_THERE ? VALUE_TEXT : VALUE_ERROR;
    *x = PyLong_Check(value) ? PyLong_AsDouble(value) : PyFloat_AsDouble(value);
    if (*x != -1.0 || !PyErr_Occurred()) return VALUE_THERE;
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return VALUE_ERROR;
    PyErr_Clear();
    more = positive(value);
    *x = more ? INFINITY : -INFINITY;
    return more < 0 ? VALUE_ERROR : VALUE_THERE;
}

int number_of(PyObject *value, double *x, word *w) {
    PyObject *as;
    int status;
    w->held = NULL;
    if (Py_IS_TYPE(value, &PyFloat_Type)) {
        *x = PyFloat_AsDouble(value);
        return VALUE_THERE;
    }
    if (value == Py_None) return VALUE_MISSING;
    if (is_plain(value)) return plain_number(value, x, w);
    if (PyBytes_Check(value)) return bytes_word(value, w) == VALUE_THERE ? VALUE_TEXT : VALUE_ERROR;
    if (is_container(value)) return refuse("a list or an object");
    as = as_plain(value);
    if (!as) return VALUE_ERROR;
    status = plain_number(as, x, w);
    if (status == VALUE_TEXT) w->held = as;
    else Py_DECREF(as);
    return status;
}

/* What the value was whose exception is set and now cleared; NULL where the exception is about something else. */
static const char *refused_value(void) {
    const char *what = NULL;
    if (PyErr_ExceptionMatches(PyExc_UnicodeError)) what = "text that is not valid Unicode";
    else if (PyErr_ExceptionMatches(PyExc_TypeError)) what = "a list or an object";
    else if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_OverflowError)) what = "a value that cannot be read";
    if (what) PyErr_Clear();
    return what;
}

void raise_value(PyObject *label) {
    const char *what = refused_value();
    if (what) raise_tenantry("InvalidData", "record_value", PyUnicode_FromFormat("%U holds %s", label, what));
}

void raise_column(PyObject *name) {
    const char *what = refused_value();
    if (what) raise_tenantry("InvalidData", "record_value", PyUnicode_FromFormat("column '%U' holds %s", name, what));
}

void list_release(listed *found) {
    for (size_t i = 0; i < found->n; i++) word_release(found->words + i);
    free(found->texts);
    free(found->words);
    Py_XDECREF(found->items);
}

int list_of(PyObject *value, listed *found) {
    Py_ssize_t n;
    int failed = 0;
    *found = (listed){.items = PySequence_List(value)};    /* a copy: reading an item may change the list */
    n = found->items ? PyList_Size(found->items) : -1;
    if (n < 0) return -1;
    found->texts = calloc((size_t)n + 1, sizeof *found->texts);
    found->words = calloc((size_t)n + 1, sizeof *found->words);
    if (!found->texts || !found->words) PyErr_NoMemory(), failed = -1;
    for (Py_ssize_t i = 0; !failed && i < n; i++) {
        word *w = found->words + found->n++;
        const int status = word_of(PyList_GetItem(found->items, i), 0, w);
        if (status == VALUE_ERROR) failed = -1;
        if (status == VALUE_THERE) {
            found->texts[i] = (plan_text){w->s, (size_t)w->n};
            found->texts[i].n = plan_strip(&found->texts[i].s, found->texts[i].n);
        }
    }
    if (failed) list_release(found);
    return failed;
}
