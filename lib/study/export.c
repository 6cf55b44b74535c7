/* A dataset as text: CSV and TSV with one row a position, JSON as one object. */
#include "../core/internal.h"
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* The variables asked for: those on the axes of the mask, and on a subset of them. */
static bool is_chosen(const fi_dataset *dataset, size_t variable, uint32_t axes)
{
    return (dataset->variables[variable].axes & ~axes) == 0;
}

/* ---- CSV and TSV ----------------------------------------------------------------------------- */

/* A name or label: quoted in CSV where it must be (RFC 4180), without tabs or newlines in TSV. */
static void put_name(FILE *stream, fi_format format, const char *name)
{
    if (format == FI_CSV && strpbrk(name, ",\"\r\n")) {
        fputc('"', stream);
        for (const char *c = name; *c; c++)
            fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, stream);
        fputc('"', stream);
        return;
    }
    for (const char *c = name; *c; c++)
        fputc(format == FI_TSV && strchr("\t\r\n", *c) ? ' ' : *c, stream);
}

static void put_number(FILE *stream, fi_format format, double number)
{
    char text[FI_NUMBER_TEXT];
    fi_number_text(number, text);
    if (!isnan(number))
        fputs(text, stream);
    else if (format == FI_TSV)
        fputs("NA", stream);
}

static void put_header(FILE *stream, fi_format format, const fi_dataset *dataset, uint32_t axes)
{
    const char between = format == FI_CSV ? ',' : '\t';
    bool first = true;
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (axes >> k & 1) {
            if (!first)
                fputc(between, stream);
            put_name(stream, format, dataset->axes[k].name);
            first = false;
        }
    for (size_t v = 0; v < dataset->n_variables; v++)
        if (is_chosen(dataset, v, axes)) {
            if (!first)
                fputc(between, stream);
            put_name(stream, format, dataset->variables[v].name);
            first = false;
        }
    fputc('\n', stream);
}

static void put_row(FILE *stream, fi_format format, const fi_dataset *dataset, uint32_t axes,
                    const size_t *position)
{
    const char between = format == FI_CSV ? ',' : '\t';
    bool first = true;
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (axes >> k & 1) {
            const fi_axis *const axis = &dataset->axes[k];
            if (!first)
                fputc(between, stream);
            if (axis->labels)
                put_name(stream, format, axis->labels[position[k]]);
            else
                put_number(stream, format, fi_axis_number(axis, position[k]));
            first = false;
        }
    for (size_t v = 0; v < dataset->n_variables; v++)
        if (is_chosen(dataset, v, axes)) {
            if (!first)
                fputc(between, stream);
            put_number(stream, format,
                       dataset->values[v][fi_axes_index(dataset->n_axes, dataset->axes,
                                                        dataset->variables[v].axes, position)]);
            first = false;
        }
    fputc('\n', stream);
}

static void put_table(FILE *stream, fi_format format, const fi_dataset *dataset, uint32_t axes)
{
    const size_t rows = fi_axes_size(dataset->n_axes, dataset->axes, axes);
    size_t position[FI_MAX_AXES];
    put_header(stream, format, dataset, axes);
    for (size_t row = 0; row < rows && !ferror(stream); row++) {
        fi_axes_position(dataset->n_axes, dataset->axes, axes, row, position);
        put_row(stream, format, dataset, axes, position);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A string with the escapes of RFC 8259, U+FFFD for what is not UTF-8; NULL becomes null. */
static void put_string(FILE *stream, const char *text)
{
    if (!text) {
        fputs("null", stream);
        return;
    }
    fputc('"', stream);
    for (size_t length; *text; text += length ? length : 1) {
        length = fi_utf8_length(text);
        if (length == 0)
            fputs("\\ufffd", stream);
        else if (*text == '"' || *text == '\\')
            fprintf(stream, "\\%c", *text);
        else if (length == 1 && *text < 0x20)
            fprintf(stream, "\\u%04x", (unsigned)*text);
        else
            fwrite(text, 1, length, stream);
    }
    fputc('"', stream);
}

static void put_json_number(FILE *stream, double number)
{
    char text[FI_NUMBER_TEXT];
    fi_number_text(number, text);
    fputs(isfinite(number) ? text : "null", stream);
}

/* "name": on a new line, after a comma unless it is the first. */
static void put_key(FILE *stream, bool first, const char *name)
{
    fputs(first ? "\n    " : ",\n    ", stream);
    put_string(stream, name);
    fputs(": ", stream);
}

static void put_description(FILE *stream, const char *long_name, const char *units)
{
    fputs("\"long_name\": ", stream);
    put_string(stream, long_name);
    fputs(", \"units\": ", stream);
    put_string(stream, units);
    fputs(", \"values\": ", stream);
}

static void put_json_axis(FILE *stream, const fi_axis *axis)
{
    fputc('{', stream);
    put_description(stream, axis->long_name, axis->units);
    for (size_t k = 0; k < axis->size; k++) {
        fputs(k ? ", " : "[", stream);
        if (axis->labels)
            put_string(stream, axis->labels[k]);
        else
            put_json_number(stream, fi_axis_number(axis, k));
    }
    fputs("]}", stream);
}

/* Values as arrays nested like the variable's axes. */
static void put_nested(FILE *stream, const fi_dataset *dataset, size_t v)
{
    const size_t count = fi_variable_size(dataset, v);
    size_t strides[FI_MAX_AXES]; /* values in each bracket, the innermost first */
    size_t depth = 0;
    size_t stride = 1;
    for (size_t k = dataset->n_axes; k-- > 0;)
        if (dataset->variables[v].axes >> k & 1)
            strides[depth++] = stride *= dataset->axes[k].size;
    for (size_t k = 0; k < count && !ferror(stream); k++) {
        if (k)
            fputs(", ", stream);
        for (size_t d = 0; d < depth; d++)
            if (k % strides[d] == 0)
                fputc('[', stream);
        put_json_number(stream, dataset->values[v][k]);
        for (size_t d = 0; d < depth; d++)
            if ((k + 1) % strides[d] == 0)
                fputc(']', stream);
    }
}

static void put_json_variable(FILE *stream, const fi_dataset *dataset, size_t v)
{
    bool first = true;
    fputs("{\"axes\": [", stream);
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (dataset->variables[v].axes >> k & 1) {
            if (!first)
                fputs(", ", stream);
            put_string(stream, dataset->axes[k].name);
            first = false;
        }
    fputs("], ", stream);
    put_description(stream, dataset->variables[v].long_name, dataset->variables[v].units);
    put_nested(stream, dataset, v);
    fputc('}', stream);
}

static void put_json(FILE *stream, const fi_dataset *dataset, uint32_t axes)
{
    bool first = true;
    fputs("{\n  \"attributes\": {", stream);
    for (size_t k = 0; k < dataset->n_attributes; k++) {
        put_key(stream, k == 0, dataset->attributes[k].name);
        put_string(stream, dataset->attributes[k].text);
    }
    fputs("\n  },\n  \"axes\": {", stream);
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (axes >> k & 1) {
            put_key(stream, first, dataset->axes[k].name);
            put_json_axis(stream, &dataset->axes[k]);
            first = false;
        }
    first = true;
    fputs("\n  },\n  \"variables\": {", stream);
    for (size_t v = 0; v < dataset->n_variables; v++)
        if (is_chosen(dataset, v, axes)) {
            put_key(stream, first, dataset->variables[v].name);
            put_json_variable(stream, dataset, v);
            first = false;
        }
    fputs("\n  }\n}\n", stream);
}

fi_status fi_dataset_export(const fi_dataset *dataset, uint32_t axes, fi_format format,
                            FILE *stream)
{
    FI_REQUIRE(dataset && stream && dataset->n_axes <= FI_MAX_AXES);
    FI_REQUIRE((uint64_t)axes >> dataset->n_axes == 0);
    errno = 0;
    if (format == FI_JSON)
        put_json(stream, dataset, axes);
    else
        put_table(stream, format, dataset, axes);
    if (fflush(stream) != 0 || ferror(stream))
        return fi_fail(FI_EIO,
                       "cannot write the exported data: %s; free some space or send the "
                       "output elsewhere",
                       errno ? strerror(errno) : "the stream refused it");
    return FI_OK;
}
