/* Initializers as they are named on a command line: "he_normal", "kaiming_normal:mode=fan_out". */
#ifndef FI_STUDY_SCHEME_H
#define FI_STUDY_SCHEME_H

#include "../fanin.h"

/*
 * NAME[:key=value,...], in either case: a row of initializers.def with what its parameters are set
 * to, or what torch.nn.init or Keras calls it (fi_scheme_list has these). The scheme's name is the
 * text, in the arena. Fails with FI_EUSAGE, and a message that names the part it is about, or with
 * FI_ENOMEM.
 */
FI_CHECKED fi_status fi_scheme_parse(const char *text, fi_initializer *scheme, fi_arena *arena);

/* The same for a bias, which is one row of numbers: no orthogonal, eye, sparse or lsuv. */
FI_CHECKED fi_status fi_scheme_parse_bias(const char *text, fi_initializer *scheme,
                                          fi_arena *arena);

/* Prints all initializers: formula, source, parameters with their defaults; then other names. */
void fi_scheme_list(FILE *stream);

#endif
