"""What runs inside an instance process: the engine, the host functions programs import, one thread per instance.

Nothing here knows of jobs or the database: what a program asks of the yard goes through the pipe.
"""
