"""Before release: can this machine grade, is the assignment sound, what do students get?"""
