update reindex set total = (select count(*) from search where type = $1)
where type = $1 and owner = $2 and round = $3
