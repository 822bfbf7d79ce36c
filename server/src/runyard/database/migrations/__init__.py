"""The tables' history: numbered files of statements that are run in order, each file in one transaction.

Written so that old and new code can run side by side during an upgrade.
"""
