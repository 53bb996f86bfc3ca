/* tenantry.plan._kernel: the kernel for Python, in the stable ABI (one wheel for every CPython from 3.11 on). */
#include "batch.h"
#include "columns.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL_SLOTS = 512, SMALL_OUTPUTS = 16 };

typedef struct {
    PyObject_HEAD
    plan p;
    void *data;                          /* NULL when closed */
    size_t size;
    int is_mapped, busy, closing;
    PyObject *names;                     /* tuple of the raw inputs' names, interned */
} Kernel;

/* Buffers for the calls that run no Python code; the interpreter's lock guards them. */
static struct { uint8_t *counts; uint16_t *touched; uint32_t tokens; float *sums; size_t n_sums; } shared;

static int grow_shared(const plan *p) {
    if (p->max_tokens > shared.tokens) {
        uint8_t *counts = realloc(shared.counts, p->max_tokens);
        uint16_t *touched = realloc(shared.touched, p->max_tokens * sizeof *touched);
        if (counts) shared.counts = counts;
        if (touched) shared.touched = touched;
        if (!counts || !touched) return PyErr_NoMemory(), -1;
        memset(counts, 0, p->max_tokens);
        shared.tokens = p->max_tokens;
    }
    return 0;
}

static float *sums_for(const plan *p) {
    size_t n = (plan_explain_floats(p) + 7) / 8 * 8;
    if (n > shared.n_sums) {
        float *sums = aligned_alloc(32, n * sizeof *sums);
        if (!sums) return PyErr_NoMemory(), NULL;
        free(shared.sums);
        shared.sums = sums;
        shared.n_sums = n;
    }
    return shared.sums;
}

/* --- opening and closing --- */

static void release_data(Kernel *self) {
    if (!self->data) return;
    if (self->is_mapped) munmap(self->data, self->size);
    else free(self->data);
    self->data = NULL;
}

static int map_file(Kernel *self, PyObject *path) {
    PyObject *bytes = NULL;
    struct stat st;
    int fd, failed = 0;
    if (!PyUnicode_FSConverter(path, &bytes)) return -1;
    fd = open(PyBytes_AsString(bytes), O_RDONLY | O_CLOEXEC);
    Py_DECREF(bytes);
    if (fd < 0 || fstat(fd, &st)) failed = 1;
    else if (!S_ISREG(st.st_mode)) errno = EISDIR, failed = 1;
    else if (st.st_size > 0) {
        self->size = (size_t)st.st_size;
        self->data = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
        if (self->data == MAP_FAILED) self->data = NULL, failed = 1;
        self->is_mapped = 1;
    }
    if (failed) PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    if (fd >= 0) close(fd);
    return failed ? -1 : 0;
}

static int copy_bytes(Kernel *self, PyObject *source) {
    char *s;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(source, &s, &n)) return -1;
    self->size = (size_t)n;
    if (posix_memalign(&self->data, 64, self->size + !self->size)) {
        self->data = NULL;
        return PyErr_NoMemory(), -1;
    }
    memcpy(self->data, s, self->size);
    return 0;
}

static int name_columns(Kernel *self) {
    self->names = PyTuple_New(self->p.n_inputs);
    if (!self->names) return -1;
    for (uint32_t k = 0, input = 0; k < self->p.n_columns; k++) {
        const plan_column *c = self->p.columns + k;
        PyObject *name;
        if (plan_is_view(&self->p, k)) continue;
        name = PyUnicode_DecodeUTF8(self->p.strings + c->name, c->name_bytes, NULL);
        if (!name) return -1;
        PyUnicode_InternInPlace(&name);
        if (PyTuple_SetItem(self->names, input++, name)) return -1;
    }
    return 0;
}

static int open_kernel(Kernel *self, PyObject *source, int verify) {
    const char *wrong;
    if (PyBytes_Check(source) ? copy_bytes(self, source) : map_file(self, source)) return -1;
    wrong = self->data ? plan_open(&self->p, self->data, self->size, verify) : "the file is empty";
    if (!wrong && !name_columns(self)) return grow_shared(&self->p);
    if (!wrong) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return -1;
        PyErr_Clear();
        wrong = "a column's name is not text";
    }
    if (!strcmp(wrong, "version")) {
        raise_tenantry("Unsupported", "plan_version", PyUnicode_FromFormat("the plan file has format version %u",
                                                                           ((plan_header *)self->data)->version));
    } else {
        raise_tenantry("Corrupt", "plan_corrupt", PyUnicode_FromFormat("the plan cannot be read: %s", wrong));
    }
    return -1;
}

static PyObject *kernel_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *NAMES[] = {"source", "verify", NULL};
    PyObject *source;
    int verify = 1;
    Kernel *self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p", NAMES, &source, &verify)) return NULL;
    self = (Kernel *)PyType_GenericAlloc(type, 0);
    if (self && open_kernel(self, source, verify)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void kernel_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    Kernel *self = (Kernel *)object;
    freefunc tp_free = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release_data(self);
    Py_XDECREF(self->names);
    tp_free(object);
    Py_DECREF(type);
}

static PyObject *kernel_close(PyObject *object, PyObject *unused) {
    Kernel *self = (Kernel *)object;
    (void)unused;
    self->closing = 1;
    if (!self->busy) release_data(self);
    Py_INCREF(Py_None);
    return Py_None;
}

/* --- one record --- */

typedef struct {
    plan_row row;
    float small_x[2 * SMALL_SLOTS];
    double small_linear[SMALL_OUTPUTS];
    void *large;
} work;

/* Room for one record (more of it from the heap only for wide plans), and a hold on the file. */
static int start(Kernel *self, work *w, int explains) {
    const plan *p = &self->p;
    size_t x = p->n_slots > SMALL_SLOTS ? 2 * p->n_slots * sizeof(float) : 0;
    size_t linear = p->n_outputs > SMALL_OUTPUTS ? p->n_outputs * sizeof(double) : 0;
    size_t parts = explains ? plan_parts(p) * sizeof(double) : 0, rows = p->n_pairs ? p->n_columns * sizeof(uint16_t) : 0;
    char *large;
    w->large = NULL;
    if (!self->data || self->closing) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), -1;
    if (x + linear + parts + rows && !(w->large = PyMem_Malloc(x + linear + parts + rows))) return PyErr_NoMemory(), -1;
    large = w->large;
    w->row.x = x ? (float *)(large + linear + parts) : w->small_x;
    w->row.linear = linear ? (double *)large : w->small_linear;
    w->row.parts = explains ? (double *)(large + linear) : NULL;
    w->row.rows = rows ? (uint16_t *)(void *)(large + linear + parts + x) : NULL;
    w->row.output = 0;
    w->row.counts = shared.counts;
    w->row.touched = shared.touched;
    self->busy++;
    return 0;
}

static void finish(Kernel *self, work *w) {
    PyMem_Free(w->large);
    if (!--self->busy && self->closing) release_data(self);
}

/* What counts a text's tokens: Python code, and other threads while the lock is given up, may have grown it. */
static void own_counts(plan_row *row) {
    row->counts = shared.counts;
    row->touched = shared.touched;
}

static int put_listed(Kernel *self, uint32_t k, uint32_t input, PyObject *value, plan_row *row) {
    listed found;
    if (list_of(value, &found)) {
        raise_column(PyTuple_GetItem(self->names, input));
        return -1;
    }
    own_counts(row);
    plan_put_list(&self->p, k, found.texts, found.n, row);
    list_release(&found);
    return 0;
}

/* The value of an input into one of its columns. */
static int put_value(Kernel *self, uint32_t k, uint32_t input, PyObject *value, plan_row *row) {
    const uint32_t kind = self->p.columns[k].kind;
    word w;
    double x;
    int status;
    if (plan_takes_list(self->p.columns + k) && (PyList_Check(value) || PyTuple_Check(value)))
        return put_listed(self, k, input, value, row);
    status = kind == PLAN_NUMBER ? number_of(value, &x, &w) : word_of(value, kind == PLAN_DATE, &w);
    if (status == VALUE_ERROR) {
        raise_column(PyTuple_GetItem(self->names, input));
        return -1;
    }
    own_counts(row);
    if (status == VALUE_MISSING) plan_put_missing(&self->p, k, row);
    else if (kind == PLAN_NUMBER && status == VALUE_THERE) plan_put_number(&self->p, k, x, row);
    else plan_put_text(&self->p, k, w.s, (size_t)w.n, row);
    word_release(&w);
    return 0;
}

static int put_record(Kernel *self, PyObject *record, plan_row *row) {
    const plan *p = &self->p;
    plan_begin(p, row);
    for (uint32_t k = 0, input = 0; k < p->n_columns; input++) {
        PyObject *value = PyDict_GetItemWithError(record, PyTuple_GetItem(self->names, input));
        int failed = 0;
        if (!value && PyErr_Occurred()) return -1;
        Py_XINCREF(value);                             /* its own methods could drop the record's hold on it */
        do {
            if (value) failed = put_value(self, k, input, value, row);
            else own_counts(row), plan_put_missing(p, k, row);
        } while (++k < p->n_columns && plan_is_view(p, k) && !failed);
        Py_XDECREF(value);
        if (failed) return -1;
    }
    plan_finish(p, row);
    return 0;
}

/* The record as a dict: a new reference. */
static PyObject *as_dict(PyObject *record) {
    PyObject *dict;
    if (PyDict_Check(record)) {
        Py_INCREF(record);
        return record;
    }
    dict = PyDict_New();
    if (!dict || !PyDict_Update(dict, record)) return dict;
    Py_DECREF(dict);
    PyErr_Clear();
    return raise_tenantry("InvalidData", "record_value", PyUnicode_FromFormat("a record is no object of columns and values"));
}

static int encode(Kernel *self, PyObject *record, work *w) {
    PyObject *dict = as_dict(record);
    int failed = dict ? put_record(self, dict, &w->row) : -1;
    Py_XDECREF(dict);
    return failed;
}

static PyObject *floats(const double *x, uint32_t n) {
    PyObject *tuple = PyTuple_New(n);
    for (uint32_t i = 0; tuple && i < n; i++) {
        PyObject *value = PyFloat_FromDouble(x[i]);
        if (!value || PyTuple_SetItem(tuple, i, value)) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

static void score_row(const plan *p, const plan_row *row, double *out) {
    double margins[PLAN_MAX_OUTPUTS];
    plan_margins(p, row, margins);
    plan_calibrate(p, margins, out);
}

static PyObject *kernel_score(PyObject *object, PyObject *record) {
    Kernel *self = (Kernel *)object;
    PyObject *result = NULL;
    double out[PLAN_MAX_OUTPUTS];
    work w;
    if (start(self, &w, 0)) return NULL;
    if (!encode(self, record, &w)) {
        score_row(&self->p, &w.row, out);
        result = floats(out, self->p.n_outputs);
    }
    finish(self, &w);
    return result;
}

static PyObject *kernel_margins(PyObject *object, PyObject *record) {
    Kernel *self = (Kernel *)object;
    PyObject *result = NULL;
    double out[PLAN_MAX_OUTPUTS];
    work w;
    if (start(self, &w, 0)) return NULL;
    if (!encode(self, record, &w)) {
        plan_margins(&self->p, &w.row, out);
        result = floats(out, self->p.n_outputs);
    }
    finish(self, &w);
    return result;
}

static PyObject *kernel_encode(PyObject *object, PyObject *record) {
    Kernel *self = (Kernel *)object;
    PyObject *result = NULL;
    work w;
    if (start(self, &w, 0)) return NULL;
    if (!encode(self, record, &w) && (result = PyBytes_FromStringAndSize(NULL, 4 * (Py_ssize_t)self->p.n_slots))) {
        float *x = (float *)(void *)PyBytes_AsString(result);
        for (uint32_t s = 0; s < self->p.n_slots; s++) x[s] = w.row.x[2 * s];
    }
    finish(self, &w);
    return result;
}

static PyObject *kernel_explain(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *NAMES[] = {"record", "output", NULL};
    Kernel *self = (Kernel *)object;
    PyObject *record, *result = NULL;
    unsigned int output = 0;
    double *phi;
    float *sums;
    work w;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|I", NAMES, &record, &output)) return NULL;
    if (output >= self->p.n_outputs) return PyErr_Format(PyExc_ValueError, "the plan has no output %u", output);
    if (start(self, &w, 1)) return NULL;
    w.row.output = output;
    phi = PyMem_Malloc((self->p.n_inputs + 1) * sizeof *phi);
    if (!phi) PyErr_NoMemory();
    else if (!encode(self, record, &w) && (sums = sums_for(&self->p))) {
        plan_explain(&self->p, &w.row, sums, phi);
        result = floats(phi, self->p.n_inputs);
    }
    PyMem_Free(phi);
    finish(self, &w);
    return result;
}

/* --- many records --- */

typedef struct { Kernel *self; PyObject *list; const source *sources; work *w; } rows_from;

static int encode_listed(void *from, Py_ssize_t i, plan_row *row) {
    rows_from *r = from;
    (void)row;                                         /* the work's own */
    return encode(r->self, PyList_GetItem(r->list, i), r->w);
}

/* Of an input that holds no Python objects. */
static void put_plain(const plan *p, uint32_t k, const source *s, Py_ssize_t i, plan_row *row) {
    size_t n;
    const char *text;
    if (s->numbers) {
        plan_put_number(p, k, s->numbers[i], row);
    } else if (s->ends) {
        text = source_text(s, i, &n);
        plan_put_text(p, k, text, n, row);
    } else {
        plan_put_missing(p, k, row);
    }
}

static int is_plain_source(const source *s, uint32_t kind) { return !s->list && (!s->numbers || kind == PLAN_NUMBER); }

static int encode_cells(void *from, Py_ssize_t i, plan_row *row) {
    Kernel *self = ((rows_from *)from)->self;
    const source *s = ((rows_from *)from)->sources;
    own_counts(row);
    plan_begin(&self->p, row);
    for (uint32_t k = 0, input = 0; k < self->p.n_columns; k++) {
        PyObject *value;
        int failed;
        if (k && !plan_is_view(&self->p, k)) s++, input++;
        if (is_plain_source(s, self->p.columns[k].kind)) {
            put_plain(&self->p, k, s, i, row);
            continue;
        }
        value = source_item(s, i);
        failed = value ? put_value(self, k, input, value, row) : -1;
        Py_XDECREF(value);
        if (failed) return -1;
    }
    plan_finish(&self->p, row);
    return 0;
}

/* The same without the interpreter's lock, where all inputs are plain. */
static int encode_plain(void *from, Py_ssize_t i, plan_row *row) {
    const plan *p = &((rows_from *)from)->self->p;
    const source *s = ((rows_from *)from)->sources;
    plan_begin(p, row);
    for (uint32_t k = 0; k < p->n_columns; k++) {
        s += k && !plan_is_view(p, k);
        put_plain(p, k, s, i, row);
    }
    plan_finish(p, row);
    return 0;
}

static int all_plain(const plan *p, const source *s) {
    for (uint32_t k = 0; k < p->n_columns; k++) {
        s += k && !plan_is_view(p, k);
        if (!is_plain_source(s, p->columns[k].kind)) return 0;
    }
    return 1;
}

static PyObject *tuples(const double *scores, Py_ssize_t rows, uint32_t K) {
    PyObject *list = PyList_New(rows);
    for (Py_ssize_t i = 0; list && i < rows; i++) {
        PyObject *one = floats(scores + i * (Py_ssize_t)K, K);
        if (!one || PyList_SetItem(list, i, one)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *kernel_score_rows(PyObject *object, PyObject *records) {
    Kernel *self = (Kernel *)object;
    const uint32_t K = self->p.n_outputs;
    PyObject *list = PySequence_List(records), *result = NULL;
    Py_ssize_t n = list ? PyList_Size(list) : -1;
    double *out;
    work w;
    if (n < 0) return NULL;
    if (start(self, &w, 0)) return Py_DECREF(list), NULL;
    out = PyMem_Malloc((size_t)n * K * sizeof *out + 1);
    if (out) {
        rows_from from = {self, list, NULL, &w};
        const batch b = {&self->p, encode_listed, &from, 1, 1};
        if (!batch_score(&b, &w.row, n, out)) result = tuples(out, n, K);
    } else {
        PyErr_NoMemory();
    }
    PyMem_Free(out);
    finish(self, &w);
    Py_DECREF(list);
    return result;
}

static PyObject *score_sources(Kernel *self, const source *sources, Py_ssize_t rows, int threads) {
    PyObject *result = PyBytes_FromStringAndSize(NULL, rows * (Py_ssize_t)(self->p.n_outputs * sizeof(double)));
    rows_from from = {self, NULL, sources, NULL};
    batch b = {&self->p, encode_cells, &from, 1, threads};
    work w;
    if (!result) return NULL;
    if (start(self, &w, 0)) return Py_DECREF(result), NULL;
    if (all_plain(&self->p, sources)) b.encode = encode_plain, b.locked = 0;
    if (batch_score(&b, &w.row, rows, (double *)(void *)PyBytes_AsString(result))) {
        Py_DECREF(result);
        result = NULL;
    }
    finish(self, &w);
    return result;
}

static PyObject *kernel_score_columns(PyObject *object, PyObject *args) {
    Kernel *self = (Kernel *)object;
    PyObject *columns, *result = NULL;
    Py_ssize_t rows;
    source *sources;
    int threads = 1;
    if (!PyArg_ParseTuple(args, "On|i", &columns, &rows, &threads)) return NULL;
    if (rows < 0 || rows > (Py_ssize_t)1 << 40) return PyErr_SetString(PyExc_ValueError, "rows is out of range"), NULL;
    sources = sources_open(columns, self->names, (Py_ssize_t)self->p.n_inputs, rows);
    if (!sources) return NULL;
    result = score_sources(self, sources, rows, threads);
    sources_close(sources, (Py_ssize_t)self->p.n_inputs);
    return result;
}

/* --- what it says of itself --- */

/* Whether the word, which stands without white space around, says nothing: its input is read as categories alone, and
 * none of their tables has it. */
static PyObject *kernel_unseen(PyObject *object, PyObject *args) {
    Kernel *self = (Kernel *)object;
    const plan *p = &self->p;
    const char *s;
    Py_ssize_t n;
    unsigned int wanted;
    int unseen = 1;
    if (!PyArg_ParseTuple(args, "Is#", &wanted, &s, &n)) return NULL;
    if (!self->data || self->closing) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), NULL;
    if (wanted >= p->n_inputs) return PyErr_Format(PyExc_ValueError, "the plan has no column %u", wanted);
    for (uint32_t k = 0, input = 0; k < p->n_columns; k++) {
        const plan_column *c = p->columns + k;
        const plan_table table = plan_table_of(p, c);
        char domain[PLAN_DOMAIN_BYTES];
        const char *part = s;
        size_t bytes;
        input += k && !plan_is_view(p, k);
        if (input != wanted || !unseen) continue;
        bytes = c->kind == PLAN_CATEGORY ? plan_word_part(&part, (size_t)n, c->format, domain) : 0;
        unseen = bytes && plan_find(&table, part, bytes) == PLAN_NO_ROW;
    }
    return PyBool_FromLong(unseen);
}

static PyObject *get_columns(PyObject *self, void *unused) {
    (void)unused;
    Py_INCREF(((Kernel *)self)->names);
    return ((Kernel *)self)->names;
}
/* Of each input the slot that holds its value (a number's, a date's days) by its first column with one, or -1. */
static PyObject *get_value_slots(PyObject *object, void *unused) {
    const plan *p = &((Kernel *)object)->p;
    PyObject *slots;
    (void)unused;
    if (!((Kernel *)object)->data) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), NULL;
    slots = PyTuple_New(p->n_inputs);
    for (uint32_t k = 0, input = 0; slots && k < p->n_columns; input++) {
        long found = -1;
        PyObject *slot;
        do {
            const plan_column *c = p->columns + k;
            if (found < 0 && c->kind < PLAN_CATEGORY && c->slot[0] != PLAN_NONE) found = (long)c->slot[0];
        } while (++k < p->n_columns && plan_is_view(p, k));
        slot = PyLong_FromLong(found);
        if (!slot || PyTuple_SetItem(slots, input, slot)) {
            Py_DECREF(slots);
            slots = NULL;
        }
    }
    return slots;
}
/* Of each input whether its columns read it as a number: True (all), False (none) or None (some do). */
static PyObject *get_reads_numbers(PyObject *object, void *unused) {
    const plan *p = &((Kernel *)object)->p;
    PyObject *answers;
    (void)unused;
    if (!((Kernel *)object)->data) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), NULL;
    answers = PyTuple_New(p->n_inputs);
    for (uint32_t k = 0, input = 0; answers && k < p->n_columns; input++) {
        int numbers = 0, others = 0;
        PyObject *answer;
        do *(p->columns[k].kind == PLAN_NUMBER ? &numbers : &others) = 1;
        while (++k < p->n_columns && plan_is_view(p, k));
        answer = numbers && others ? Py_BuildValue("") : PyBool_FromLong(numbers);
        if (!answer || PyTuple_SetItem(answers, input, answer)) {
            Py_DECREF(answers);
            return NULL;
        }
    }
    return answers;
}
/* The calibration's kind and its factor on the margin. */
static PyObject *get_calibration(PyObject *object, void *unused) {
    static const char *const KINDS[] = {"sigmoid", "isotonic", "softmax", "linear", "exp"};
    const plan_header *h = ((Kernel *)object)->p.head;
    (void)unused;
    if (!((Kernel *)object)->data) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), NULL;
    return Py_BuildValue("sd", KINDS[h->calibration], h->scale);
}
static PyObject *get_outputs(PyObject *self, void *unused) { (void)unused; return PyLong_FromLong((long)((Kernel *)self)->p.n_outputs); }
static PyObject *get_slots(PyObject *self, void *unused) { (void)unused; return PyLong_FromLong((long)((Kernel *)self)->p.n_slots); }
static PyObject *get_size(PyObject *self, void *unused) { (void)unused; return PyLong_FromSize_t(((Kernel *)self)->size); }
static PyObject *get_bytes(PyObject *object, void *what) {
    Kernel *self = (Kernel *)object;
    const plan_span *meta = &self->p.head->section[PLAN_S_META];
    if (!self->data || self->closing) return PyErr_SetString(PyExc_ValueError, "the plan is closed"), NULL;
    if (!what) return PyBytes_FromStringAndSize(self->data, (Py_ssize_t)self->size);
    return PyBytes_FromStringAndSize((const char *)self->data + meta->offset, meta->count);
}

static PyMethodDef METHODS[] = {
    {"score", kernel_score, METH_O, "score(record, /)\n--\n\nCalibrated scores of one record."},
    {"score_rows", kernel_score_rows, METH_O, "score_rows(records, /)\n--\n\nOne tuple of scores a record."},
    {"score_columns", kernel_score_columns, METH_VARARGS, "score_columns(columns, rows, threads=1, /)\n--\n\nScores as float64, rows by outputs."},
    {"margins", kernel_margins, METH_O, "margins(record, /)\n--\n\nMargins before calibration."},
    {"encode", kernel_encode, METH_O, "encode(record, /)\n--\n\nThe slots as float32."},
    {"explain", (PyCFunction)(void (*)(void))kernel_explain, METH_VARARGS | METH_KEYWORDS,
     "explain(record, output=0)\n--\n\nOne Shapley value an input, in margin space."},
    {"unseen", kernel_unseen, METH_VARARGS, "unseen(column, word, /)\n--\n\nWhether an input of categories lacks the word."},
    {"close", kernel_close, METH_NOARGS, "close()\n--\n\nUnmap the file."},
    {NULL, NULL, 0, NULL}};

static char WHOLE_META;
static PyGetSetDef GETTERS[] = {
    {"columns", get_columns, NULL, "Names of the raw inputs.", NULL},
    {"n_outputs", get_outputs, NULL, "Scores a record.", NULL},
    {"n_slots", get_slots, NULL, "float32 slots a record.", NULL},
    {"value_slots", get_value_slots, NULL, "Slots of numbers and of days, by input; -1 for other kinds.", NULL},
    {"reads_numbers", get_reads_numbers, NULL, "Whether inputs are read as numbers: True, False, or None for both.", NULL},
    {"calibration", get_calibration, NULL, "The calibration's kind, and its factor on the margin.", NULL},
    {"nbytes", get_size, NULL, "Size of the plan.", NULL},
    {"data", get_bytes, NULL, "The plan's bytes.", NULL},
    {"meta_json", get_bytes, NULL, "The plan's own description.", &WHOLE_META},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot SLOTS[] = {{Py_tp_new, kernel_new},
                              {Py_tp_dealloc, kernel_dealloc},
                              {Py_tp_methods, METHODS},
                              {Py_tp_getset, GETTERS},
                              {Py_tp_doc, "Kernel(source, verify=True)\n--\n\nA plan, mapped from a path or copied from bytes."},
                              {0, NULL}};
static PyType_Spec SPEC = {"tenantry.plan._kernel.Kernel", sizeof(Kernel), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, SLOTS};

static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "tenantry.plan._kernel", "The plan kernel.", -1, COLUMN_METHODS,
                             NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) {
    PyObject *module = PyModule_Create(&MODULE), *type = module ? PyType_FromSpec(&SPEC) : NULL;
    if (!type || PyModule_AddObjectRef(module, "Kernel", type)) {
        Py_XDECREF(module);
        module = NULL;
    }
    Py_XDECREF(type);
    return module;
}
