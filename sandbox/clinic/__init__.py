"""A stand-in for Spring PetClinic: same routes, same environment variables, same shape of schema; own code.

It needs nothing but the standard library and PyMySQL and imports nothing from the rest of the project:
`jar.py` packs it into one file that simulated machines run in the place of ``java -jar petclinic.jar``.
"""
