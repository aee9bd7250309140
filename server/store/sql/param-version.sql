-- The version of the search parameters, and the one that this process has confirmed.
select v.version, s.params from param_version v left join process_slot s on s.owner = $1
