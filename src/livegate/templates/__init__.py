"""Who is enrolled: templates of faces, encrypted at rest in one file; knows no network. Needs the extra ``templates``."""
