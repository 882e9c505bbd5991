/* human.h - quantities as people read them: times in the units of their size. */
#ifndef POLICYPOOL_HUMAN_H
#define POLICYPOOL_HUMAN_H

enum { HUMAN_TEXT = 32 }; /* bytes, the terminator included */

/* "0.3s", "42s", "3m05s", "2h07m", "5d04h", "200d".  Returns out. */
char *human_seconds(double seconds, char out[HUMAN_TEXT]);

/* "383us", "2.6ms", "120ms", and from a second on as above.  Returns out. */
char *human_micros(double us, char out[HUMAN_TEXT]);

#endif
