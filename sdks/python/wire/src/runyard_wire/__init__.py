"""What Runyard's Python clients share on the wire. Import the module you need; this one loads nothing."""
