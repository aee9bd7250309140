-- What could not be indexed stays missing, and searches go on to say so.
update reindex
set finished = now(), owner = null, leased_until = '-infinity',
    complete = case when failed = 0 then version else complete end
where type = $1 and owner = $2 and round = $3
