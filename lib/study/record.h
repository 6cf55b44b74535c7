/* What the writers and the readers of records share: the only place where HDF5 is known. */
#ifndef FI_STUDY_RECORD_H
#define FI_STUDY_RECORD_H

#include "../fanin.h"

#include <hdf5.h>
#include <hdf5_hl.h>

/* The attributes that both sides name. */
#define FI_RECORD_CONVENTIONS "Conventions"
#define FI_RECORD_FILL "_FillValue"
#define FI_RECORD_FLAGS "flag_values"
#define FI_RECORD_MEANINGS "flag_meanings"

/*
 * Between these two, calls of HDF5 are safe: one thread at a time, since the packaged library has
 * no lock, and with its own printing of errors off.
 */
void fi_hdf5_enter(void);
void fi_hdf5_leave(void);

/*
 * Passes on what an HDF5 function returned. The first failure since fi_hdf5_enter is kept; calls
 * made with the invalid identifiers that follow fail harmlessly, so that code may run on and look
 * at fi_hdf5_failure once.
 */
hid_t fi_hdf5(hid_t result);

/* Keeps the failure of something else than HDF5, as fi_hdf5 does. */
void fi_hdf5_fail(const char *reason);

/* What failed first: the system's word where it was a system call, else HDF5's; NULL: nothing. */
const char *fi_hdf5_failure(void);

/* File access without HDF5's locks, which some file systems lack: no record is changed in place. */
hid_t fi_hdf5_access(void);

/* Creation properties that track the order of creation and keep no times. */
hid_t fi_hdf5_creation(hid_t class);

/*
 * A string attribute: fixed length, ASCII, or UTF-8 where it must, ? for bytes that are neither; an
 * empty one is a single NUL; none of a NULL.
 */
void fi_hdf5_write_text(hid_t object, const char *name, const char *text);

/*
 * Puts a file of what `write` writes in the place of the one at `path`, as a whole. Fails with
 * FI_EIO.
 */
FI_CHECKED fi_status fi_record_write(const char *path,
                                     void (*write)(hid_t file, const void *content),
                                     const void *content);

/* A file being read. The first failure stays in `status`; what follows it is not looked at. */
typedef struct fi_reader {
    const char *path;
    const char *wanted; /* "a file that a study wrote": what to give where it is none */
    fi_arena *arena;
    fi_status status;
    size_t n_attributes, n_axes, n_variables;
    fi_attribute *attributes;
    fi_axis *axes;
    double *places; /* where netCDF says that each axis stands */
    fi_variable *variables;
    double **values;
} fi_reader;

/* Has `read` read the file. Returns reader->status: FI_EIO, FI_EDATA, FI_ENOMEM or what is there.
 */
FI_CHECKED fi_status fi_record_read(fi_reader *reader, void (*read)(fi_reader *reader, hid_t file));

/* Memory of the arena, and a string in it; NULL if refused. */
void *fi_reader_allocate(fi_reader *reader, size_t count, size_t size);
char *fi_reader_copy(fi_reader *reader, const char *text);

/* `count` strings, of fixed or variable length, that `read` gives of an attribute or a dataset. */
const char **fi_reader_strings(fi_reader *reader, hid_t object, hid_t type, size_t count,
                               herr_t (*read)(hid_t object, hid_t type, void *buffer));

/* The text of a string attribute; NULL if there is none. */
const char *fi_reader_text(fi_reader *reader, hid_t object, const char *name);

/* The numbers of an attribute; their count is 0 if there are none. */
size_t fi_reader_numbers(fi_reader *reader, hid_t object, const char *name, double **numbers);

/* Fills in the attributes of the root group. */
void fi_reader_attributes(fi_reader *reader, hid_t file, H5_index_t order);

#endif
