delete from auth_attempt
where since < to_timestamp($1)
  - make_interval(secs => case when key like 'known:%' then $3::int else $2::int end)
