"""The shell: parse, one library call, render. The only place with percent signs."""
