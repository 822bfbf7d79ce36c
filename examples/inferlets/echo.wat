;; echo: answers each message with the same text, until it is sent "bye" or told to end.
;;
;; What a program is given comes in two steps: `receive` waits and says how long the message is, `take` copies it to
;; an address of ours. Lengths below 0 are no message; here that is -2, "the program should end".

(module $echo
  (import "inferlet" "receive" (func $receive (param $milliseconds i64) (result i32)))
  (import "inferlet" "take" (func $take (param $address i32) (param $size i32) (result i32)))
  (import "inferlet" "send" (func $send (param $address i32) (param $size i32)))
  (import "inferlet" "set_return" (func $set_return (param $address i32) (param $size i32)))

  (memory (export "memory") 65)               ;; pages of 64 KiB: one for ourselves, 4 MiB for a message
  (data (i32.const 0) "bye")
  (global $message i32 (i32.const 65536))     ;; where messages go

  (func (export "_start") (local $size i32)
    (loop $next
      (local.set $size (call $receive (i64.const -1)))        ;; waits as long as it takes
      (if (i32.lt_s (local.get $size) (i32.const 0)) (then return))
      (drop (call $take (global.get $message) (local.get $size)))
      (if (call $is_bye (local.get $size))
        (then
          (call $set_return (i32.const 0) (i32.const 3))      ;; the value of `Completed`
          return))
      (call $send (global.get $message) (local.get $size))
      (br $next)))

  (func $is_bye (param $size i32) (result i32)
    (i32.and
      (i32.eq (local.get $size) (i32.const 3))
      (i32.eq
        (i32.and (i32.load (global.get $message)) (i32.const 0x00ffffff))   ;; its first three bytes
        (i32.load (i32.const 0))))))
