// The one source file of the targets that own a precompiled header.
