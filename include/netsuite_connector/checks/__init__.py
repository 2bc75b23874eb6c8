"""Tries a store's real connections step by step, and says what is right and what to mend."""
