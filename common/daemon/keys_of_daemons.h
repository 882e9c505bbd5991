/* keys_of_daemons.h - which daemon's a key is that the other one does not know.
 *
 * The table is made by the Makefile of the tables of both daemons' keys. */
#ifndef POLICYPOOL_KEYS_OF_DAEMONS_H
#define POLICYPOOL_KEYS_OF_DAEMONS_H

#include "conf.h"

/* Up to name NULL; without the keys that all daemons have. */
extern const struct conf_elsewhere keys_of_daemons[];

#endif
