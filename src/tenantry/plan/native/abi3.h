/* CPython's stable ABI, from Python's own header where there is one. Debian's python3 comes without it (it is in
 * python3-dev), so that the few functions that the wrapper needs are declared here for that case: the stable ABI
 * (https://docs.python.org/3/c-api/stable.html) promises their binary form for every Python from 3.11 on. */
#ifndef TENANTRY_ABI3_H
#define TENANTRY_ABI3_H

#if !defined(TENANTRY_OWN_ABI3) && defined(__has_include)
#if !__has_include(<Python.h>)
#define TENANTRY_OWN_ABI3
#endif
#endif

#ifndef TENANTRY_OWN_ABI3
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#else
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef ssize_t Py_ssize_t;
typedef struct _typeobject PyTypeObject;
typedef struct _ts PyThreadState;
typedef struct _object { Py_ssize_t ob_refcnt; PyTypeObject *ob_type; } PyObject;
#define PyObject_HEAD PyObject ob_base;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef void (*freefunc)(void *);
typedef struct { const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc; } PyMethodDef;
typedef struct { const char *name; PyObject *(*get)(PyObject *, void *); int (*set)(PyObject *, PyObject *, void *);
                 const char *doc; void *closure; } PyGetSetDef;
typedef struct { int slot; void *pfunc; } PyType_Slot;
typedef struct { const char *name; int basicsize, itemsize; unsigned flags; PyType_Slot *slots; } PyType_Spec;
typedef struct { PyObject ob_base; PyObject *(*m_init)(void); Py_ssize_t m_index; PyObject *m_copy; } PyModuleDef_Base;
typedef struct PyModuleDef { PyModuleDef_Base m_base; const char *m_name, *m_doc; Py_ssize_t m_size; PyMethodDef *m_methods;
                             void *m_slots, *m_traverse, *m_clear, *m_free; } PyModuleDef;
typedef struct { void *buf; PyObject *obj; Py_ssize_t len, itemsize; int readonly, ndim; char *format;
                 Py_ssize_t *shape, *strides, *suboffsets; void *internal; } Py_buffer;

#define PyModuleDef_HEAD_INIT {{1, NULL}, NULL, 0, NULL}
#define PYTHON_API_VERSION 3                 /* with the stable ABI */
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *
#define METH_VARARGS 1
#define METH_NOARGS 4
#define METH_O 8
#define METH_KEYWORDS 2
#define Py_tp_dealloc 52
#define Py_tp_doc 56
#define Py_tp_methods 64
#define Py_tp_new 65
#define Py_tp_getset 73
#define Py_tp_free 74
#define Py_TPFLAGS_DEFAULT (1u << 18)        /* Py_TPFLAGS_HAVE_VERSION_TAG */
#define Py_TPFLAGS_BASETYPE (1u << 10)
#define PyBUF_FORMAT 4
#define PyBUF_ND 8
#define PyBUF_STRIDES (0x10 | PyBUF_ND)
#define PyBUF_C_CONTIGUOUS (0x20 | PyBUF_STRIDES)
#define Py_GT 4
#define Py_DTSF_ADD_DOT_0 2
#define Py_INCREF(o) Py_IncRef((PyObject *)(o))
#define Py_XINCREF(o) Py_IncRef((PyObject *)(o))
#define Py_DECREF(o) Py_DecRef((PyObject *)(o))
#define Py_XDECREF(o) Py_DecRef((PyObject *)(o))
#define Py_TYPE(o) (((PyObject *)(o))->ob_type)
#define Py_IS_TYPE(o, t) (Py_TYPE(o) == (t))
#define Py_None (&_Py_NoneStruct)
#define FLAGGED(o, bit) ((PyType_GetFlags(Py_TYPE(o)) >> (bit)) & 1)
#define PyLong_Check(o) FLAGGED(o, 24)
#define PyList_Check(o) FLAGGED(o, 25)
#define PyTuple_Check(o) FLAGGED(o, 26)
#define PyBytes_Check(o) FLAGGED(o, 27)
#define PyUnicode_Check(o) FLAGGED(o, 28)
#define PyDict_Check(o) FLAGGED(o, 29)
#define PyFloat_Check(o) (Py_IS_TYPE(o, &PyFloat_Type) || PyType_IsSubtype(Py_TYPE(o), &PyFloat_Type))
#define PyBool_Check(o) Py_IS_TYPE(o, &PyBool_Type)
#define PyAnySet_Check(o) (PyObject_IsInstance(o, (PyObject *)&PySet_Type) == 1 \
                           || PyObject_IsInstance(o, (PyObject *)&PyFrozenSet_Type) == 1)
/* lengths of "#" formats are Py_ssize_t */
#define PyArg_ParseTuple _PyArg_ParseTuple_SizeT
#define PyArg_ParseTupleAndKeywords _PyArg_ParseTupleAndKeywords_SizeT
#define PyObject_CallFunction _PyObject_CallFunction_SizeT
#define PyModule_Create(d) PyModule_Create2(d, PYTHON_API_VERSION)

extern PyObject _Py_NoneStruct;
extern PyTypeObject PyFloat_Type, PyBool_Type, PyLong_Type, PyUnicode_Type, PySet_Type, PyFrozenSet_Type, PyTuple_Type;
extern PyObject *PyExc_TypeError, *PyExc_ValueError, *PyExc_OverflowError, *PyExc_UnicodeError, *PyExc_OSError;
void Py_IncRef(PyObject *);
void Py_DecRef(PyObject *);
unsigned long PyType_GetFlags(PyTypeObject *);
int PyType_IsSubtype(PyTypeObject *, PyTypeObject *);
PyObject *PyType_GetName(PyTypeObject *);
PyObject *PyType_FromSpec(PyType_Spec *);
PyObject *PyType_GenericAlloc(PyTypeObject *, Py_ssize_t);
void *PyType_GetSlot(PyTypeObject *, int);
PyObject *PyModule_Create2(PyModuleDef *, int);
int PyModule_AddObjectRef(PyObject *, const char *, PyObject *);
PyObject *PyImport_ImportModule(const char *);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
PyObject *PyObject_CallFunction(PyObject *, const char *, ...);
PyObject *PyObject_Str(PyObject *);
int PyObject_IsTrue(PyObject *);
int PyObject_IsInstance(PyObject *, PyObject *);
int PyObject_RichCompareBool(PyObject *, PyObject *, int);
int PyObject_GetBuffer(PyObject *, Py_buffer *, int);
void PyBuffer_Release(Py_buffer *);
PyObject *PyNumber_Index(PyObject *);
PyObject *PyNumber_Float(PyObject *);
PyObject *PyNumber_ToBase(PyObject *, int);
PyObject *PyFloat_FromDouble(double);
double PyFloat_AsDouble(PyObject *);
PyObject *PyLong_FromLong(long);
PyObject *PyLong_FromSize_t(size_t);
PyObject *PyBool_FromLong(long);
PyObject *Py_BuildValue(const char *, ...);
double PyLong_AsDouble(PyObject *);
long long PyLong_AsLongLongAndOverflow(PyObject *, int *);
char *PyOS_double_to_string(double, char, int, int, int *);
void *PyMem_Malloc(size_t);
void PyMem_Free(void *);
PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
char *PyBytes_AsString(PyObject *);
int PyBytes_AsStringAndSize(PyObject *, char **, Py_ssize_t *);
PyObject *PyUnicode_FromStringAndSize(const char *, Py_ssize_t);
PyObject *PyUnicode_FromFormat(const char *, ...);
PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *);
const char *PyUnicode_AsUTF8AndSize(PyObject *, Py_ssize_t *);
int PyUnicode_FSConverter(PyObject *, void *);
int PyUnicode_CompareWithASCIIString(PyObject *, const char *);
void PyUnicode_InternInPlace(PyObject **);
PyObject *PyTuple_New(Py_ssize_t);
Py_ssize_t PyTuple_Size(PyObject *);
PyObject *PyTuple_GetItem(PyObject *, Py_ssize_t);
int PyTuple_SetItem(PyObject *, Py_ssize_t, PyObject *);
PyObject *PyList_New(Py_ssize_t);
Py_ssize_t PyList_Size(PyObject *);
PyObject *PyList_GetItem(PyObject *, Py_ssize_t);
int PyList_SetItem(PyObject *, Py_ssize_t, PyObject *);
int PyList_Append(PyObject *, PyObject *);
PyObject *PyDict_New(void);
PyObject *PyDict_GetItemWithError(PyObject *, PyObject *);
int PyDict_Update(PyObject *, PyObject *);
PyObject *PySequence_List(PyObject *);
PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *);
int PyArg_ParseTuple(PyObject *, const char *, ...);
int PyArg_ParseTupleAndKeywords(PyObject *, PyObject *, const char *, char **, ...);
PyObject *PyErr_Occurred(void);
void PyErr_Clear(void);
int PyErr_ExceptionMatches(PyObject *);
void PyErr_SetObject(PyObject *, PyObject *);
void PyErr_SetString(PyObject *, const char *);
PyObject *PyErr_Format(PyObject *, const char *, ...);
PyObject *PyErr_NoMemory(void);
PyObject *PyErr_SetFromErrnoWithFilenameObject(PyObject *, PyObject *);
#endif

#endif
