import sys

from loadtest.book.command_line import main

sys.exit(main(sys.argv[1:]))
