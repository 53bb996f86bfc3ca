/* Python values to the kernel's: text, numbers, missing (tenantry/plan/parse.py has the rules). */
#ifndef TENANTRY_VALUES_H
#define TENANTRY_VALUES_H

#include "abi3.h"
#include "plan.h"

/* The word of a value. `held` keeps what `s` points into alive until it is released; `digits` serves numbers. */
typedef struct { const char *s; Py_ssize_t n; PyObject *held; char digits[32]; } word;

enum { VALUE_ERROR = -1, VALUE_MISSING = 0, VALUE_THERE = 1, VALUE_TEXT = 2 };

int word_of(PyObject *value, int is_date, word *w);                   /* VALUE_*; an exception is set with VALUE_ERROR */
/* The words of a list or a tuple, stripped; missing ones have no bytes. `list_release` lets go of them. -1 with an exception. */
typedef struct { PyObject *items; plan_text *texts; word *words; size_t n; } listed;
int list_of(PyObject *value, listed *found);
void list_release(listed *found);
int number_of(PyObject *value, double *x, word *w);                   /* VALUE_THERE: in x; VALUE_TEXT: in w */
void word_release(word *w);
PyObject *raise_tenantry(const char *kind, const char *code, PyObject *message);   /* steals message; NULL */
void raise_value(PyObject *label);                                    /* record_value from the exception that is set */
void raise_column(PyObject *name);                                    /* the same, of the column with this name */

#endif
