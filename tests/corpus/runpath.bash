# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A plugin that only the RUNPATH of its caller leads to, with an allocation
# in its constructor, opened and closed a hundred times.
set -e
mkdir plugins
cat >plugin.c <<'END'
#include <stdlib.h>
static char *kept;
__attribute__((constructor)) static void begin(void) { kept = malloc(100); }
__attribute__((destructor)) static void end(void) { free(kept); }
char *copy(const char *);
char *copy(const char *text)
{
	char *made = calloc(1, 64);
	for (int i = 0; i < 63 && text[i]; i++)
		made[i] = text[i];
	return made;
}
END
cat >host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 100; i++) {
		void *plugin = dlopen("libplugin.so", RTLD_NOW);
		char *(*copy)(const char *) = plugin ? (char *(*)(const char *))dlsym(plugin, "copy") : NULL;
		char *made = copy ? copy("from the plugin") : NULL;
		if (!made)
			return puts(dlerror()), 1;
		if (i == 99)
			puts(made);
		free(made);
		dlclose(plugin);
	}
	return 0;
}
END
gcc -shared -fPIC -o plugins/libplugin.so plugin.c
# shellcheck disable=SC2016 # the loader's, not ours
gcc -Wl,--enable-new-dtags '-Wl,-rpath,$ORIGIN/plugins' -o host host.c
./host
