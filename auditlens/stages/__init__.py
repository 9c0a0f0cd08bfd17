"""The typed values that pass between the rooms: plan, evidence, findings, verdict, record, and the states they use.

Nothing comes in but numbers and names; what goes out are frozen types that every other room may import.
"""
