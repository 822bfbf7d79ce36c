;; storyteller: tells a story about every message it is sent, with the yard's language model. An empty one ends it.
;;
;; The prompt is put together at 4096: "Tell a very short story about ", then the message. `generate` holds the story
;; and returns its length. If it can't, it returns -3 and holds the reason, which is sent instead.

(module $storyteller
  (import "inferlet" "receive" (func $receive (param i64) (result i32)))
  (import "inferlet" "take" (func $take (param i32 i32) (result i32)))
  (import "inferlet" "send" (func $send (param i32 i32)))
  (import "inferlet" "generate"
    (func $generate (param $prompt i32) (param $size i32) (param $options i32) (param $options_size i32) (result i32)))

  (memory (export "memory") 200)
  (data (i32.const 0) "{\"max_tokens\": 120, \"temperature\": 0.7, \"seed\": 7}")
  (data (i32.const 4096) "Tell a very short story about ")
  (global $subject i32 (i32.const 4126))      ;; the end of that
  (global $story i32 (i32.const 0x500000))    ;; 5 MiB further

  (func (export "_start") (local $size i32)
    (loop $next
      (local.set $size (call $receive (i64.const -1)))
      (if (i32.le_s (local.get $size) (i32.const 0)) (then return))
      (drop (call $take (global.get $subject) (local.get $size)))
      (local.set $size
        (call $generate
          (i32.const 4096) (i32.add (i32.const 30) (local.get $size))
          (i32.const 0) (i32.const 50)))
      (if (i32.eq (local.get $size) (i32.const -2)) (then return))            ;; told to end meanwhile
      (if (i32.eq (local.get $size) (i32.const -3))
        (then (local.set $size (i32.const 4096))))                            ;; reasons are not longer
      (local.set $size (call $take (global.get $story) (local.get $size)))    ;; how much there really was
      (call $send (global.get $story) (local.get $size))
      (br $next))))
