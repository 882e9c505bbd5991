/* handler_new.h - ppool-handler new: a folder with a handler to begin with. */
#ifndef POLICYPOOL_HANDLER_NEW_H
#define POLICYPOOL_HANDLER_NEW_H

#include <stdio.h>

/* A line with what the languages are. */
void handler_new_languages(FILE *out);

/* Makes the folder `name` in the working folder: the program, the settings of a server that runs
 * it, a packet to try it with, and README.  Nothing that is there is touched.  Tells on out what to
 * do next.  0; 1 with a line on err; 2 likewise, where language or name are none. */
int handler_new(const char *language, const char *name, FILE *out, FILE *err);

#endif
