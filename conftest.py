"""What holds for every test, wherever the suite is started from."""

import signal

# A shell that starts the suite in the background ignores Ctrl-C for it and for all its children; ours test Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
