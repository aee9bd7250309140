-- Whether a resource that is not there has been deleted.
select id from history where rk = $1 and method = 'D' order by ver desc limit 1
