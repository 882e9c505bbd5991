/* color.c - see color.h. */
#include "color.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"

static bool
is_among(const char *text, const char *const list[])
{
	while (*list != NULL && strcmp(*list, text) != 0)
		list++;
	return *list != NULL;
}

const char *
color_of(const char *key, const char *text)
{
	static const char *const keys[] = {"state", "registration", NULL};
	static const char *const well[] = {"up",   "running", "ready", "idle",
					   "busy", "joined",  NULL};
	static const char *const bad[] = {"down",      "ejected", "degraded", "killed",
					  "no answer", "gone",	  NULL};
	static const char *const none[] = {"", "-", "vacant", "none", NULL};

	if (!is_among(key, keys) || is_among(text, none))
		return "";
	return is_among(text, well) ? GREEN : is_among(text, bad) ? RED : YELLOW;
}

int
color_wanted(const char *word, bool terminal)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (word != NULL && strcmp(word, "always") == 0)
		return true;
	if (word != NULL && strcmp(word, "never") == 0)
		return false;
	if (word != NULL && strcmp(word, "auto") != 0)
		return -1;
	return terminal && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}
