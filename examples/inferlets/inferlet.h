/* The import module `inferlet` of core modules: talk, remember, generate text. See docs/guides/inferlets-programs.md. */

#ifndef INFERLET_H
#define INFERLET_H

#include <stdint.h>
#include <string.h>

enum {
  INFERLET_NOTHING = -1,  /* there is none, or none came in time */
  INFERLET_STOPPING = -2, /* the program should end now */
  INFERLET_REFUSED = -3   /* the reason is held: take up to 4096 bytes */
};

#define INFERLET(name) __attribute__((import_module("inferlet"), import_name(name)))

/* Functions that give a text or bytes hold them and return their length; this copies them. */
INFERLET("take") int32_t inferlet_take(void *place, int32_t size);

INFERLET("argument") int32_t inferlet_argument(int32_t index);
INFERLET("instance_id") int32_t inferlet_instance_id(void);
INFERLET("set_return") void inferlet_set_return(const char *text, int32_t size);

/* Waits are in milliseconds; negative ones have no end. */
INFERLET("send") void inferlet_send(const char *text, int32_t size);
INFERLET("receive") int32_t inferlet_receive(int64_t milliseconds);
INFERLET("send_blob") void inferlet_send_blob(const void *bytes, int32_t size);
INFERLET("receive_blob") int32_t inferlet_receive_blob(int64_t milliseconds);

INFERLET("broadcast")
int32_t inferlet_broadcast(const char *topic, int32_t topic_size, const char *text, int32_t size);
INFERLET("subscribe") int32_t inferlet_subscribe(const char *topic, int32_t size);
INFERLET("next") int32_t inferlet_next(int32_t subscription, int64_t milliseconds);
INFERLET("unsubscribe") void inferlet_unsubscribe(int32_t subscription);

INFERLET("kv_get") int32_t inferlet_kv_get(const char *key, int32_t size);
INFERLET("kv_set")
int32_t inferlet_kv_set(const char *key, int32_t key_size, const char *value, int32_t size);
INFERLET("kv_delete") int32_t inferlet_kv_delete(const char *key, int32_t size);
INFERLET("kv_keys") int32_t inferlet_kv_keys(void);

/* Text: options are a JSON object or empty, messages a JSON list of {"role", "content"}. */
INFERLET("generate")
int32_t inferlet_generate(const char *prompt, int32_t prompt_size, const char *options, int32_t options_size);
INFERLET("chat")
int32_t inferlet_chat(const char *messages, int32_t messages_size, const char *options, int32_t options_size);
INFERLET("generate_start")
int32_t inferlet_generate_start(const char *prompt, int32_t prompt_size, const char *options, int32_t options_size);
INFERLET("generate_next") int32_t inferlet_generate_next(int32_t generation);
INFERLET("generate_end") void inferlet_generate_end(int32_t generation);
INFERLET("tokenize") int32_t inferlet_tokenize(const char *text, int32_t size);
INFERLET("detokenize") int32_t inferlet_detokenize(const uint32_t *tokens, int32_t size);
INFERLET("forward") int32_t inferlet_forward(const uint32_t *tokens, int32_t size, int32_t top);

/* Say a C string. */
static inline void inferlet_say(const char *text) { inferlet_send(text, (int32_t)strlen(text)); }

#endif
