RECORDINGS = {}


def record(name, folder): ...
