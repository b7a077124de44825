/** What starting Node alone takes: nothing can be faster than this. */
export {}
