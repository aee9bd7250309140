-- AuditEvents that others made (kind 0), and that they were sent (kind 1, create), by whom that is to
-- be noted of. tx is left to its default: nobody but the owner may name it.
with e as (
  select * from unnest($1::bigint[], $2::bigint[], $3::int2[], $4::text[], $5::text[], $6::text[],
                       $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::int2[])
    as e(at, seq, outcome, id, keys, request, content, sending, agent, rk, type)
)
insert into audit (at, seq, ver, kind, outcome, type, id, keys, request, content)
select at, seq, 1, 0, outcome, null::int2, id, keys::bigint[], request, content from e
union all
select sending >> 20, sending, 1, 1, 0, type, id, array[agent, rk], request, null from e
where agent is not null
