autocmd BufRead,BufNewFile *.gate setfiletype gate
