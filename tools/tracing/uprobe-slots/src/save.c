// SPDX-License-Identifier: GPL-2.0-only
/*
 * save: the knobs as a text file, which restore reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

static char *make_text(const struct pairs *knobs)
{
	size_t i, size, len;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	fprintf(file, "# Knobs of uprobe slots, a NAME and a VALUE a line.\n"
		      "# `uprobe-slots restore` sets them.\n");
	for (i = 0; i < knobs->nr; i++)
		fprintf(file, "%s %s\n", knobs->pair[i].name, knobs->pair[i].value);
	len = ferror(file);
	if (fclose(file) || len) {
		free(text);
		return NULL;
	}
	return text;
}

static int save(const char *path)
{
	struct pairs knobs;
	char *text;
	int ret;

	ret = slots_open();
	if (!ret)
		ret = slots_knobs(&knobs);
	if (ret)
		return ret;
	text = make_text(&knobs);
	pairs_free(&knobs);
	if (!text)
		return out_of_memory();
	if (!strcmp(path, "-"))
		fputs(text, stdout);
	else
		ret = replace_file(path, text);
	free(text);
	return ret;
}

static int save_main(const struct verb *self, int argc, char **argv)
{
	return verb_one_file(self, argc, argv, save);
}

const struct verb save_verb = {
	.name = "save",
	.summary = "the knobs into a file",
	.usage =
	"uprobe-slots save FILE\n"
	"\n"
	"Writes the knobs, a NAME and a VALUE a line, to FILE, which changes as a whole; - is\n"
	"the standard output. Limits of tasks are not in it: task IDs do not survive a boot.\n"
	"\n"
	HELP_LINE,
	.run = save_main,
};
