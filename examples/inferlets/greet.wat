;; greet: a command as any compiler for WASI makes them. It prints its arguments, one a line, and leaves with the number
;; of greetings it couldn't make: 0, so it completes, unless there was nobody to greet, which is status 1.

(module $greet
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (memory (export "memory") 2)
  (data (i32.const 32) "Hello, ")
  (data (i32.const 40) "!\n")
  (data (i32.const 48) "Whom shall I greet?\n")

  ;; The addresses of the arguments go to 1024, their bytes, each with a 0 at its end, to 4096. The first is the
  ;; program's own name.
  (func (export "_start") (local $argument i32) (local $end i32)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))               ;; how many, and how many bytes
    (if (i32.or (i32.gt_u (i32.load (i32.const 0)) (i32.const 700))
                (i32.gt_u (i32.load (i32.const 4)) (i32.const 120000)))
      (then (call $proc_exit (i32.const 2))))                               ;; more than there is room for
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (if (i32.lt_u (i32.load (i32.const 0)) (i32.const 2))
      (then
        (call $print (i32.const 2) (i32.const 48) (i32.const 20))           ;; 2 is standard error
        (call $proc_exit (i32.const 1))))
    (local.set $argument (i32.const 1028))
    (local.set $end (i32.add (i32.const 1024) (i32.mul (i32.load (i32.const 0)) (i32.const 4))))
    (loop $next
      (call $print (i32.const 1) (i32.const 32) (i32.const 7))
      (call $print (i32.const 1) (i32.load (local.get $argument)) (call $length (i32.load (local.get $argument))))
      (call $print (i32.const 1) (i32.const 40) (i32.const 2))
      (local.set $argument (i32.add (local.get $argument) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $argument) (local.get $end)))))

  ;; Write to a stream. `fd_write` takes a list of pieces, here of one, at 8, and says at 16 how much it took.
  (func $print (param $stream i32) (param $address i32) (param $size i32)
    (i32.store (i32.const 8) (local.get $address))
    (i32.store (i32.const 12) (local.get $size))
    (drop (call $fd_write (local.get $stream) (i32.const 8) (i32.const 1) (i32.const 16))))

  (func $length (param $text i32) (result i32) (local $at i32)
    (local.set $at (local.get $text))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $at) (local.get $text))))
