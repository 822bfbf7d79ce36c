/* Counts lines, words and bytes of every text it is sent, like wc, until it is sent "bye" or told to end. */

#include "inferlet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  printf("%s counts%s\n", argv[0], argc > 1 ? " (arguments are ignored)" : "");
  long total = 0;
  for (;;) {
    int32_t size = inferlet_receive(-1);
    if (size < 0) break; /* INFERLET_STOPPING */
    char *text = malloc(size);
    if (size && !text) {
      fprintf(stderr, "no memory for %d bytes\n", (int)size);
      return 1;
    }
    inferlet_take(text, size);
    if (size == 3 && !memcmp(text, "bye", 3)) {
      free(text);
      break;
    }
    long lines = 0, words = 0;
    for (int32_t at = 0; at < size; at++) {
      lines += text[at] == '\n';
      words += !isspace((unsigned char)text[at]) && (at == 0 || isspace((unsigned char)text[at - 1]));
    }
    free(text);
    total += words;
    char answer[80];
    snprintf(answer, sizeof answer, "%ld lines, %ld words, %d bytes", lines, words, (int)size);
    inferlet_say(answer);
  }
  char value[32];
  inferlet_set_return(value, snprintf(value, sizeof value, "%ld words in all", total));
  return 0;
}
